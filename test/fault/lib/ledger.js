'use strict';
// The ledger of test/cluster for one server whose disk or power fails: more kinds of promises, and
// an audit of what a round touched, right after the restart.
//
//     const l = new FaultLedger(world, chance, () => url);
//     await l.prepare();                  people, apps that ask for consent; signs everybody in
//     l.start();  await l.enough(100);    that many durable answers since the last audit
//     l.over = true;  ...the kill...      await l.stop();
//     await l.auditRound();               l.violations has what was broken; l.last tells figures
//
// Beyond what the ledger of clusters promises: consents given and withdrawn, codes that nobody has
// redeemed yet, codes that were redeemed, device codes at each stage, pushed requests.

const { Ledger } = require('../../cluster/lib/ledger.js');
const { REDIRECT, CHALLENGE } = require('../../cluster/lib/world.js');
const { Person } = require('../../interop/lib/person.js');
const { sleep } = require('../../cluster/lib/run.js');

const WEIGHTS = { jwt: 1, opaque: 3, pair: 4, refresh: 5, race: 1, revoke: 2, introspect: 3,
  code: 2, consent: 1, device: 1, push: 1 };
const DURABLE = new Set(['opaque', 'pair', 'refresh', 'race', 'revoke', 'redeem', 'authorize',
  'consent', 'withdraw', 'device', 'approve', 'poll', 'push']);
const PASSWORD = 'correct horse battery staple 7';
const HUMAN_MS = 8000; // a way over some pages
const PEOPLE = 4;
const SAMPLE = 30; // of what older rounds left
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

// What a fault may do to a sign-in or a page: no answer, 5xx, a count that says 429.
const isFault = (e) => e.code !== undefined || /socket hang up/.test(e.message) ||
  /(^|[ (:])(5\d\d|429)([ ):]|$)|temporarily_unavailable|server_error/.test(e.message);

class FaultLedger extends Ledger {
  constructor(world, chance, url, { workers = 10, weights = WEIGHTS } = {}) {
    super(world, chance, { urls: () => [url()], workers, pace_ms: 0, weights });
    Object.assign(this, { slots: [], codes: [], redeemed: [], devices: [], pushed: [],
      acknowledged: 0, unanswered: 0, flying: 0, total: 0, since_ms: 0, last: {} });
  }

  // ---- people and apps ----

  async prepare() {
    const { world } = this;
    for (let i = 0; i < PEOPLE; i++) {
      await world.cluster.cli(['user', 'create', '--org', world.org.id, '--username', `u${i}`,
        '--password-stdin'], { input: PASSWORD });
    }
    this.asking = [];
    for (const name of ['Asks', 'Asks too']) {
      this.asking.push(await world.client(name, '--redirect-uri', REDIRECT, '--scope',
        'openid profile', '--grant', 'authorization_code'));
    }
    for (let i = 0; i < PEOPLE; i++) {
      const person = new Person({ url: this.url() }, { login: `u${i}`, password: PASSWORD });
      for (const client of this.asking) this.slots.push({ person, client, state: 'withdrawn' });
    }
    await this.signIn(2);
    this.device_person = new Person({ url: this.url() }, { login: 'ada', password: PASSWORD });
    for (const person of new Set(this.slots.map((s) => s.person))) await this.askFor(this.slots.find((s) => s.person === person));
    this.begin();
  }

  askUrl(client, more = {}) {
    return `${this.url()}/oauth2/authorize?${new URLSearchParams({ client_id: client.id,
      redirect_uri: REDIRECT, response_type: 'code', scope: 'openid profile',
      code_challenge: CHALLENGE, code_challenge_method: 'S256', ...more })}`;
  }

  async askFor(slot) {
    slot.person.origin = this.url();
    const end = await slot.person.authorize(this.askUrl(slot.client));
    if (!end.code) throw new Error(`no code: ${end.error}`);
    slot.state = 'given';
  }

  // ---- counting ----

  begin() {
    Object.assign(this, { acknowledged: 0, unanswered: 0, since_ms: performance.now(), answers: [],
      recorded: {}, since_s: Math.floor(Date.now() / 1000) + 1 });
  }

  took(op, r, refusal_is_fine = false) {
    const good = super.took(op, r, refusal_is_fine);
    if (good && DURABLE.has(op)) this.acked();
    if (r.status === 0) this.unanswered++;
    return good;
  }

  // The answer promises a row of the audit log; seconds are as fine as its times are.
  records(event, began_ms) {
    if (began_ms >= this.since_s * 1000) this.recorded[event] = (this.recorded[event] || 0) + 1;
  }

  acked() {
    this.acknowledged++;
    this.total++;
  }

  async enough(n, patience_ms = 20000) {
    const end = performance.now() + patience_ms;
    while (this.acknowledged < n && performance.now() < end) await sleep(2);
    return this.acknowledged >= n;
  }

  // Nobody hammers at a server that is not there.
  async work() {
    while (!this.over) {
      this.flying++;
      const before = this.unanswered;
      await this[this.chance.pick(this.ops)]().finally(() => { this.flying--; });
      if (this.unanswered > before) await sleep(10);
    }
  }

  // What a person does: true when it came to its end, false when a fault was in the way.
  async human(op, work) {
    let timer;
    const late = new Promise((done, failed) => {
      timer = setTimeout(() => failed(new Error('no answer in time')), HUMAN_MS);
    });
    try {
      await Promise.race([work(), late]).finally(() => clearTimeout(timer));
    } catch (e) {
      if (!isFault(e)) this.violate(`${op}: ${e.message}`);
      this.unanswered++;
      return false;
    }
    this.acked();
    return true;
  }

  async end(entry, client, token) {
    const began_ms = Date.now();
    await super.end(entry, client, token);
    if (entry.state === 'revoked') this.records('token.revoked', began_ms);
  }

  touch(f) {
    f.touched = performance.now();
  }

  hold(use) {
    return super.hold((f) => {
      this.touch(f);
      return use(f).finally(() => this.touch(f));
    });
  }

  // ---- more of what the load does ----

  async code() {
    const person = this.people.shift();
    if (!person) return;
    let code;
    const ok = await this.human('authorize', async () => {
      code = await this.world.code(person, this.url());
    });
    this.people.push(person);
    if (!ok) return;
    if (this.chance.below(5) === 0) this.codes.push({ code, at: performance.now() });
    else await this.redeem(code);
  }

  async redeem(code) {
    const r = await this.world.redeem(this.url(), code);
    if (!this.took('redeem', r)) return null;
    const f = this.addFamily('person', r);
    f.code = code;
    this.touch(f);
    return f;
  }

  async consent() {
    const free = this.slots.filter((s) => !s.person.busy);
    if (free.length === 0) return;
    const slot = this.chance.pick(free);
    const { person } = slot;
    const given = slot.state === 'given';
    const unknown = slot.state === 'unknown'; // it may stand already, and then there is no new row
    const began_ms = Date.now();
    person.busy = true;
    slot.state = 'unknown';
    const ok = await this.human('consent', () => (given ? this.withdraw(slot) : this.askFor(slot)));
    slot.state = ok ? (given ? 'withdrawn' : 'given') : 'unknown';
    if (ok && !unknown) this.records(given ? 'consent.revoked' : 'consent.given', began_ms);
    person.busy = false;
  }

  async withdraw({ person, client }) {
    person.origin = this.url();
    const page = await person.open(`${this.url()}/account`);
    if (page.status !== 200) throw new Error(`account: ${page.status} ${page.text}`);
    const form = page.forms.find((f) => f.fields.client !== undefined &&
      client.id.replaceAll('-', '').toLowerCase().endsWith(f.fields.client.replaceAll('-', '').slice(-32).toLowerCase()));
    if (!form) throw new Error(`the account page does not list the app: ${page.text}`);
    const after = await person.submit(page, { action: 'revoke' }, { form });
    if (after.status !== 200) throw new Error(`withdrawal: ${after.status} ${after.text}`);
  }

  poll(d) {
    return this.world.form(this.url(), '/oauth2/token', { grant_type: DEVICE_GRANT,
      device_code: d.device_code }, this.world.app);
  }

  async device() {
    if (this.device_person.busy) return;
    this.device_person.busy = true;
    const r = await this.world.form(this.url(), '/oauth2/device_authorization',
      { scope: 'openid profile offline_access' }, this.world.app);
    if (this.took('device', r)) {
      const d = { ...r.json, state: 'waits', at: performance.now() };
      this.devices.push(d);
      if (this.chance.below(4) > 0) await this.approve(d);
      if (d.state === 'approved' && this.chance.below(2) > 0) await this.pick(d);
    }
    this.device_person.busy = false;
  }

  async approve(d) {
    d.state = 'unknown';
    this.device_person.origin = this.url();
    const ok = await this.human('approve', async () => {
      const { page } = await this.device_person.device(
        `${this.url()}/device?user_code=${d.user_code}`);
      if (page.status !== 200) throw new Error(`approval: ${page.status} ${page.text}`);
    });
    if (ok) d.state = 'approved';
  }

  async pick(d) {
    d.state = 'unknown';
    const r = await this.poll(d);
    if (!this.took('poll', r)) return;
    d.state = 'spent';
    this.touch(this.addFamily('person', r));
  }

  async push() {
    const client = this.asking[0];
    const r = await this.world.form(this.url(), '/oauth2/par', { redirect_uri: REDIRECT,
      response_type: 'code', scope: 'openid profile', code_challenge: CHALLENGE,
      code_challenge_method: 'S256', client_id: client.id }, client);
    if (this.took('push', r)) this.pushed.push({ uri: r.json.request_uri, at: performance.now() });
  }

  // ---- after the restart ----

  // Everything that this round touched, and some of what older rounds left; then forgets most.
  async auditRound() {
    const { since_ms, acknowledged, unanswered } = this;
    const before = this.violations.length;
    await this.auditLog();
    const mine = (list, when) => [...list.filter((e) => e[when] >= since_ms),
      ...list.filter((e) => !(e[when] >= since_ms)).slice(-SAMPLE)];
    const singles = mine(this.singles, 'at');
    const families = mine(this.families, 'touched');
    await this.each(singles, (s) => this.auditSingle(s));
    await this.auditSpent(families);
    await this.each(families, (f) => this.auditFamily(f));
    await this.each(this.codes, (c) => this.auditCode(c));
    await this.each(this.devices, (d) => this.auditDevice(d));
    await this.each(this.pushed.slice(-5), (p) => this.auditPushed(p));
    await this.auditConsents();
    this.last = { acknowledged, unanswered, checked: singles.length + families.length +
      this.codes.length + this.devices.length, broken: this.violations.length - before };
    this.singles = this.singles.slice(-SAMPLE);
    this.families = families.filter((f) => f.state === 'live').slice(-SAMPLE);
    Object.assign(this, { codes: [], devices: [], pushed: [], successors: new Map() });
    this.begin();
    return this.last;
  }

  // Each promise has its row, and the chains are whole.
  async auditLog() {
    const { cluster } = this.world;
    if (this.moved) return; // the times of the rows are not ours
    const since = new Date(this.since_s * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
    for (const [event, n] of Object.entries(this.recorded)) {
      const rows = await cluster.cli(['audit', 'list', '--event', event, '--since', since, '--limit', '100000']);
      if (rows.length < n) this.violate(`afterwards ${rows.length} rows of ${event} for ${n} acknowledged`);
    }
    const { code, stderr } = await cluster.cliRaw(['audit', 'verify']);
    if (code !== 0) this.violate(`afterwards the audit log does not verify: ${stderr}`);
  }

  // A code that was redeemed gives nothing any more; what it gave ends (RFC 6749 4.1.2).
  async auditSpent(families) {
    const spent = families.filter((f) => f.code && f.state === 'live').slice(-3);
    await this.each(spent, async (f) => {
      const again = await this.world.redeem(this.url(), f.code);
      if (again.status < 300) this.violate(`afterwards a spent code gives tokens: ${f.code}`);
      f.state = again.status === 400 ? 'revoked' : 'unknown';
    });
  }

  async auditCode({ code }) {
    const first = await this.world.redeem(this.url(), code);
    if (first.status !== 200) {
      this.violate(`afterwards an unspent code is refused: ${first.status} ${first.text}`);
    }
    const second = await this.world.redeem(this.url(), code);
    if (second.status < 300) this.violate(`afterwards a code gives tokens twice: ${code}`);
  }

  async auditDevice(d) {
    const r = await this.poll(d);
    const error = r.json && r.json.error;
    const right = { waits: error === 'authorization_pending', approved: r.status === 200,
      spent: error === 'invalid_grant', unknown: r.status === 200 || r.status === 400 };
    if (!right[d.state]) {
      this.violate(`afterwards a device code that is ${d.state} gives ${r.status} ${r.text}`);
    }
    if (r.status !== 200) return;
    const again = await this.poll(d);
    if (again.status < 300) this.violate(`afterwards a device code gives tokens twice`);
  }

  async auditPushed({ uri }) {
    const { person } = this.slots[0];
    person.origin = this.url();
    const url = `${this.url()}/oauth2/authorize?${new URLSearchParams({
      client_id: this.asking[0].id, request_uri: uri })}`;
    const page = await person.authorize(url, { stopAt: 'consent' }).catch((e) => ({ error: e.message }));
    if (page.kind !== 'consent' && !page.code) {
      this.violate(`afterwards a pushed request is unknown: ${page.error}`);
    }
  }

  // One person's pages after another.
  async auditConsents() {
    for (const slot of this.slots) {
      slot.person.origin = this.url();
      const page = await slot.person.authorize(this.askUrl(slot.client), { stopAt: 'consent' })
        .catch((e) => ({ kind: e.message }));
      const found = { callback: 'given', consent: 'withdrawn' }[page.kind];
      if (!found || (slot.state !== 'unknown' && found !== slot.state)) {
        this.violate(`afterwards a consent that is ${slot.state} is ${found || page.kind}`);
      }
      slot.state = found || 'unknown';
    }
  }
}

module.exports = { FaultLedger };
