'use strict';
// Load with a ledger: what was acknowledged, and whether it is so.
//
//     const l = new Ledger(world, chance, { urls: () => [...], workers: 12, pace_ms: 15 });
//     l.start();  ...faults...  await l.stop();  await l.audit();
//     l.since(mark, (a) => ...)      the answers since l.mark(): { op, url, status, ms, at, durable }
//     l.deaf(urls), l.hears(urls)    these nodes cannot reach the database; they can again: in between
//                                    they may not know of revocations
//
// An answer of 2xx is a promise. 5xx and a broken connection mean "outcome unknown": nothing is
// expected of it, but that what it belongs to is wholly one thing or wholly the other. During the
// load and in the audit afterwards each of these is a violation:
//     - a token that was acknowledged and not revoked is not active, its line cannot be refreshed
//     - a token whose revocation was acknowledged (SPREAD_MS ago, during the load) is active
//     - a refresh token had two successors, a code two redemptions
//     - any 4xx that nothing explains
// A refresh with unknown outcome is sent again with the same token: refresh.grace promises the
// same answer, so tests set it longer than they last.

const assert = require('node:assert/strict');
const { sleep } = require('./run.js');

const SPREAD_MS = 1500; // 1 s is promised; machines that run tests are busy
const AUDIT_MAX = 1500;

const WEIGHTS = { jwt: 4, opaque: 2, pair: 3, refresh: 4, race: 1, revoke: 1, introspect: 6,
  code: 1, jwks: 1, discovery: 1 };
const DURABLE = new Set(['opaque', 'pair', 'refresh', 'race', 'revoke', 'redeem']);

class Ledger {
  constructor(world, chance, { urls, workers = 12, pace_ms = 15, weights = WEIGHTS }) {
    Object.assign(this, { world, chance, urls, workers, pace_ms });
    this.ops = Object.entries(weights).flatMap(([op, n]) => Array(n).fill(op));
    this.singles = []; // { token, client, kind, state, at }: access tokens of machines
    this.families = []; // { kind, refresh, access: [], state, at, busy }
    this.successors = new Map();
    this.answers = [];
    this.violations = [];
    this.silences = []; // { url, from, until }
    this.people = [];
  }

  violate(text) {
    this.violations.push(text.slice(0, 400));
  }

  url() {
    return this.chance.pick(this.urls());
  }

  mark() {
    return performance.now();
  }

  since(mark, keep = () => true) {
    return this.answers.filter((a) => a.at >= mark && keep(a));
  }

  deaf(urls) {
    for (const url of urls) {
      this.silences.push({ url, from: performance.now() - SPREAD_MS, until: Infinity });
    }
  }

  hears(urls) {
    for (const s of this.silences.filter((one) => urls.includes(one.url))) {
      s.until = Math.min(s.until, performance.now() + SPREAD_MS);
    }
  }

  // May that node not have heard of what happened then?
  missed(url, at) {
    const now = performance.now();
    return this.silences.some((s) => s.url === url && at > s.from && now < s.until);
  }

  // Notes the answer of an operation; returns true when it is acknowledged. Refusals are told.
  took(op, r, refusal_is_fine = false) {
    this.answers.push({ op, url: r.url, status: r.status, ms: r.ms, at: r.at, text: r.text.slice(0, 200),
      durable: DURABLE.has(op) });
    if (r.status >= 400 && r.status < 500 && !refusal_is_fine) {
      this.violate(`${op} was refused by ${r.url}: ${r.status} ${r.text.slice(0, 300)}`);
    }
    return r.status >= 200 && r.status < 300;
  }

  // ---- what the load does ----

  async jwt() {
    const r = await this.world.token(this.url(), this.world.jwt);
    if (this.took('jwt', r)) this.addSingle(r, this.world.jwt, 'jwt');
  }

  async opaque() {
    const r = await this.world.token(this.url(), this.world.opaque);
    if (this.took('opaque', r)) this.addSingle(r, this.world.opaque, 'opaque');
  }

  addSingle(r, client, kind) {
    this.singles.push({ token: r.json.access_token, client, kind, state: 'live',
      at: performance.now() });
  }

  async pair() {
    const r = await this.world.pair(this.url());
    if (this.took('pair', r)) this.addFamily('twine', r);
  }

  addFamily(kind, r) {
    const f = { kind, state: 'live', refresh: r.json.refresh_token, access: [r.json.access_token],
      at: performance.now(), busy: false };
    this.families.push(f);
    return f;
  }

  // A family that is nobody else's for the moment.
  async hold(use) {
    const free = this.families.filter((f) => !f.busy && f.state === 'live');
    if (free.length === 0) return;
    const f = this.chance.pick(free.slice(-200));
    f.busy = true;
    try {
      await use(f);
    } finally {
      f.busy = false;
    }
  }

  sendRefresh(f, url) {
    return f.kind === 'twine' ? this.world.refreshTwine(url, f.refresh)
      : this.world.refresh(url, f.refresh);
  }

  // Both of them are wanted by the same family, and at most one successor comes of it.
  async advance(f, op, times) {
    const spent = f.refresh;
    const all = await Promise.all(Array.from({ length: times }, () => this.sendRefresh(f, this.url())));
    for (const r of all.filter((one) => this.took(op, one))) {
      this.successor(spent, r.json.refresh_token);
      f.refresh = r.json.refresh_token;
      if (!f.access.includes(r.json.access_token)) f.access.push(r.json.access_token);
    }
  }

  successor(spent, next) {
    const before = this.successors.get(spent);
    if (before !== undefined && before !== next) this.violate(`two successors of ${spent}: ${before}, ${next}`);
    this.successors.set(spent, next);
  }

  refresh() {
    return this.hold((f) => this.advance(f, 'refresh', 1));
  }

  race() {
    return this.hold((f) => this.advance(f, 'race', 2 + this.chance.below(3)));
  }

  async revoke() {
    if (this.chance.below(2) === 0) return this.hold((f) => this.end(f, this.clientOf(f), f.refresh));
    const live = this.singles.filter((s) => s.state === 'live').slice(-200);
    if (live.length === 0) return undefined;
    const s = this.chance.pick(live);
    return this.end(s, s.client, s.token);
  }

  clientOf(f) {
    return f.kind === 'twine' ? this.world.twine : this.world.app;
  }

  async end(entry, client, token) {
    entry.state = 'unknown';
    if (this.took('revoke', await this.world.revoke(this.url(), client, token))) {
      Object.assign(entry, { state: 'revoked', at: performance.now() });
    }
  }

  async introspect() {
    const entry = this.chance.pick(this.chance.below(2) ? this.singles : this.families);
    if (!entry) return;
    const { state, at } = entry;
    const token = entry.token || this.chance.pick(entry.access);
    const due = performance.now() - at > SPREAD_MS;
    const r = await this.world.introspect(this.url(), token);
    if (!this.took(`introspect_${entry.kind}`, r) || entry.state !== state) return;
    if (state === 'live' && !r.json.active) {
      this.violate(`a live ${entry.kind} token is not active at ${r.url}: ${token}`);
    }
    if (state === 'revoked' && due && r.json.active && !this.missed(r.url, at)) {
      this.violate(`a revoked ${entry.kind} token is active at ${r.url}: ${token}`);
    }
  }

  // A person comes back to any node with the same session, and the code goes to any node.
  async code() {
    const url = this.url();
    const person = this.people.shift();
    if (!person) return; // all of them are at it
    const start = performance.now();
    let code;
    try {
      code = await this.world.code(person, url);
    } catch (e) {
      // 429: sign-ins with unknown outcome count as attempts
      const unknown = e.code !== undefined ||
        /client: 5\d\d |\((5\d\d|429)\)|: temporarily_unavailable/.test(e.message);
      if (!unknown) this.violate(`sign-in at ${url}: ${e.message}`);
      this.answers.push({ op: 'authorize', url, status: unknown ? 503 : 400, text: e.message,
        ms: performance.now() - start, at: start, durable: false });
      return;
    } finally {
      this.people.push(person);
    }
    await this.redeem(code);
  }

  async redeem(code) {
    const r = await this.world.redeem(this.url(), code);
    if (!this.took('redeem', r)) return;
    const f = this.addFamily('person', r);
    if (this.chance.below(8) > 0) return;
    Object.assign(f, { busy: true, state: 'unknown' });
    const again = await this.world.redeem(this.url(), code);
    if (this.took('redeem', again, true)) this.violate(`a code was redeemed twice: ${code}`);
    if (again.status === 400) Object.assign(f, { state: 'revoked', at: performance.now() });
    f.busy = false;
  }

  async jwks() {
    this.took('jwks', await this.world.get(this.url(), '/oauth2/jwks'));
  }

  async discovery() {
    this.took('discovery', await this.world.get(this.url(), '/.well-known/openid-configuration'));
  }

  // ---- the load as a whole ----

  // One after another: many attempts for one name at once would be throttled.
  async signIn(n) {
    for (let i = 0; i < n; i++) {
      const url = this.url();
      const person = this.world.person(url);
      await this.redeem(await this.world.code(person, url));
      this.people.push(person);
    }
  }

  start() {
    this.over = false;
    this.running = Array.from({ length: this.workers }, () => this.work());
  }

  async work() {
    while (!this.over) {
      await this[this.chance.pick(this.ops)]();
      if (this.pace_ms > 0) await sleep(this.chance.next() * 2 * this.pace_ms);
    }
  }

  async stop() {
    this.over = true;
    await Promise.all(this.running);
  }

  counts() {
    const n = (status) => this.answers.filter((a) => status(a.status)).length;
    const of = (list, state) => list.filter((e) => e.state === state).length;
    return { acknowledged: n((s) => s < 300 && s > 0), unknown: n((s) => s >= 500 || s === 0),
      tokens: this.singles.length, families: this.families.length,
      revoked: of(this.singles, 'revoked') + of(this.families, 'revoked'),
      undecided: of(this.singles, 'unknown') + of(this.families, 'unknown') };
  }

  // ---- afterwards ----

  // Everything acknowledged is there, at any node; throws an assertion that lists what is not.
  async audit() {
    await sleep(SPREAD_MS);
    this.check();
    await this.each(this.sample(this.singles), (s) => this.auditSingle(s));
    await this.each(this.sample(this.families), (f) => this.auditFamily(f));
    this.check();
    console.log(`# ledger: ${JSON.stringify(this.counts())}`);
  }

  check() {
    assert.deepEqual(this.violations.slice(0, 10), [],
      `${this.violations.length} violations; POSTERN_SEED=${this.chance.seed}`);
  }

  // The newest, which were nearest to the fault, and some of the others.
  sample(list) {
    if (list.length <= AUDIT_MAX) return list;
    const old = list.slice(0, -AUDIT_MAX);
    return [...list.slice(-AUDIT_MAX), ...old.filter(() => this.chance.below(10) === 0)];
  }

  async each(list, use) {
    const rest = [...list];
    const one = async () => {
      for (let e = rest.pop(); e; e = rest.pop()) await use(e);
    };
    await Promise.all(Array.from({ length: 8 }, one));
  }

  async isActive(token) {
    const r = await this.world.introspect(this.url(), token);
    if (r.status !== 200) this.violate(`introspection afterwards at ${r.url}: ${r.status} ${r.text}`);
    return r.status === 200 && r.json.active;
  }

  async auditSingle({ token, kind, state }) {
    const active = await this.isActive(token);
    if (state !== 'unknown' && active !== (state === 'live')) {
      this.violate(`afterwards a ${kind} token that is ${state} ${active ? 'is' : 'is not'} active: ${token}`);
    }
  }

  async auditFamily(f) {
    const before = await Promise.all(f.access.slice(-3).map((t) => this.isActive(t)));
    const spent = f.refresh;
    const r = await this.sendRefresh(f, this.url());
    if (r.status >= 500 || r.status === 0) this.violate(`a refresh afterwards: ${r.status} ${r.text}`);
    const live = r.status >= 200 && r.status < 300;
    if (live) this.successor(spent, r.json.refresh_token);
    if (f.state !== 'unknown' && live !== (f.state === 'live')) {
      this.violate(`afterwards a ${f.kind} line that is ${f.state} gave ${r.status} at ${r.url}: ${spent}`);
    }
    for (const active of [...before, live && await this.isActive(r.json.access_token)]) {
      if (active !== live) this.violate(`a ${f.kind} line of which some live and some do not: ${spent}`);
    }
  }
}

module.exports = { Ledger };
