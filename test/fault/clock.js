'use strict';
// clock: the clock of the day jumps under load, over a restart, and past 2038 (lib/shim.js).
//
//     node test/fault/clock.js [--rounds N] [--store sqlite|postgresql] [--seed N] [--json FILE]
//
// A second either way costs nothing. After an hour forward what has expired is refused and everything
// new works; after an hour back what was revoked or spent stays so. Beyond 2^31 seconds all numbers
// are right, keys rotate, and the way back works as well.

const { Part } = require('../torture/lib/part.js');

const part = new Part('clock', { rounds: 3, quick: 1 });
const HOUR = 3600;
const sleep = (ms) => new Promise((done) => { setTimeout(done, ms); });
const claims = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url'));
const keyOf = (jwt) => JSON.parse(Buffer.from(jwt.split('.')[0], 'base64url')).kid;

class Jumps {
  constructor(scene, control) {
    Object.assign(this, { scene, control, offset: 0, jumps: 0 });
    scene.ledger.moved = true;
    this.w = scene.world;
    this.url = scene.p.url;
  }

  now() {
    return Math.floor(Date.now() / 1000) + this.offset;
  }

  // Log, housekeeping and all processes see it at once; a moment for the second that is under way.
  async to(offset, when) {
    this.offset = offset;
    this.when = when;
    this.control.ahead(offset);
    this.jumps++;
    await sleep(300);
  }

  check(ok, what, detail) {
    return part.check(ok, `${this.when}: ${what}`, detail);
  }

  async active(token) {
    return (await this.w.introspect(this.url, token)).json;
  }

  // Everything new works, with times that are right.
  async works() {
    const jwt = await this.w.token(this.url, this.w.jwt);
    const opaque = await this.w.token(this.url, this.w.opaque);
    const pair = await this.w.pair(this.url);
    if (!this.check(jwt.status === 200 && opaque.status === 200 && pair.status === 200,
      'tokens are issued', `${jwt.text} ${opaque.text} ${pair.text}`)) return {};
    const c = claims(jwt.json.access_token);
    const seen = await this.active(opaque.json.access_token);
    const near = (t, want) => Math.abs(t - want) <= 30;
    this.check(near(c.iat, this.now()) && near(c.exp, this.now() + jwt.json.expires_in) &&
      near(seen.exp, this.now() + opaque.json.expires_in), 'their times are right',
    JSON.stringify({ c, seen, now: this.now() }));
    const jwks = await this.w.get(this.url, '/oauth2/jwks');
    this.check(jwks.json.keys.some((k) => k.kid === keyOf(jwt.json.access_token)),
      'the key of a JWT is published');
    this.check((await this.active(jwt.json.access_token)).active && seen.active, 'tokens are active');
    const next = await this.w.refreshTwine(this.url, pair.json.refresh_token);
    this.check(next.status === 200, 'a line can be refreshed', next.text);
    const person = this.w.person(this.url);
    const code = await this.w.code(person, this.url).catch((e) => e);
    this.check(typeof code === 'string', 'a person can sign in', code.message);
    return { opaque: opaque.json.access_token, jwt: jwt.json.access_token, code, spent: pair.json.refresh_token,
      line: next.json && next.json.refresh_token };
  }

  async isDead(what, token) {
    this.check(!(await this.active(token)).active, `${what} is not active`);
  }
}

async function play(scene, control) {
  const { stopWhole } = require('./lib/lossy.js');
  const j = new Jumps(scene, control);
  await j.to(0, 'before');
  const first = await j.works();
  const gone = await j.works();
  await j.w.revoke(j.url, j.w.opaque, gone.opaque);
  await j.w.revoke(j.url, j.w.jwt, gone.jwt);
  for (const by of [1, 0, -1, 0]) {
    const when = `a jump to ${by} s`;
    await scene.load(400, async (on) => { if (on) await j.to(by, when); });
    const { refused, none } = scene.counts();
    j.check(refused === 0 && none === 0, 'no request is lost by it', `${refused} ${none}`);
    await scene.audit(when);
  }
  await j.to(HOUR + 60, 'an hour forward');
  await j.isDead('an expired token', first.opaque);
  await j.isDead('an expired JWT', first.jwt);
  const late = await j.w.redeem(j.url, first.code);
  j.check(late.status === 400, 'an old code is refused', late.text);
  const ahead = await j.works();
  await j.w.revoke(j.url, j.w.opaque, ahead.opaque);
  await j.to(-HOUR, 'two hours back');
  await j.works();
  await j.isDead('what was revoked before', gone.opaque);
  await j.isDead('a JWT that was revoked before', gone.jwt);
  await j.isDead('what was revoked in the future', ahead.opaque);
  const again = await j.w.redeem(j.url, first.code);
  j.check(again.status >= 200 && again.status < 500, 'an old code has an answer', again.text);
  const twice = await j.w.redeem(j.url, first.code);
  j.check(twice.status === 400, 'a code is not redeemed twice', twice.text);
  await stopWhole(scene.p);
  control.ahead(-2 * HOUR);
  await scene.p.start();
  await j.to(-2 * HOUR, 'back over a restart');
  await j.works();
  await j.isDead('what was revoked before', gone.opaque);
  await j.isDead('what was revoked in the future', ahead.opaque);
  const beyond = 2 ** 31 + 90 * 86400 - Math.floor(Date.now() / 1000);
  await j.to(beyond, 'past 2038');
  await sleep(1500); // housekeeping makes keys and sweeps what has expired
  const far = await j.works();
  await j.isDead('what was revoked before', gone.opaque);
  await stopWhole(scene.p);
  await scene.p.start();
  await j.to(beyond, 'past 2038, restarted');
  j.check((await j.active(far.opaque)).active, 'a token of then is active');
  await j.works();
  await j.to(0, 'back from 2038');
  await sleep(500);
  const last = await j.works();
  await scene.healthy('back from 2038');
  part.check(Boolean(last.opaque), 'all of it was played');
  return j.jumps;
}

part.run(async () => {
  await part.open();
  const { openScene } = require('./lib/scene.js');
  const { Control } = require('./lib/shim.js');
  let jumps = 0;
  for (let round = 0; round < part.rounds; round++) {
    const control = new Control();
    part.later(() => control.end());
    const scene = await openScene(part, { number: round, env: control.env(part.seed) });
    await scene.baseline();
    jumps += await play(scene, control);
    await scene.end();
  }
  part.figure('jumps of the clock', jumps);
});
