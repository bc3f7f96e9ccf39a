'use strict';
// 200 guesses of passwords at a time, from four addresses, beside token requests at half of what
// the server can do, and 20 honest people at another address. Who is refused waits as long as he is
// told, but at most a fifth of a second: guessers are in a hurry.

const { fixedRate, memoryMb, quantile, wrk } = require('./measure');
const { postern } = require('./servers');
const { Browser, signIn, query, SCOPE } = require('./people');

const GUESSERS = 200;
const HONEST = 20;

// Guesses until told to stop; counts the answers by status.
async function guess(port, n, path, counts, more) {
  const browser = new Browser(port, `127.1.0.${1 + (n & 3)}`);
  const page = await browser.ask('GET', path);
  const form = { ...Browser.fields(page, '/sign-in'), login: `nobody-${n}`, password: 'a wrong one' };
  while (more()) {
    const r = await browser.ask('POST', '/sign-in', form);
    counts[r.status] = (counts[r.status] || 0) + 1;
    if (r.status === 503 && !r.headers['retry-after']) counts.without_retry_after++;
    if (r.status !== 200) await new Promise((done) => setTimeout(done, 200));
  }
  browser.close();
}

// Seconds that an honest sign-in took; refused ones are tried again when the server says.
async function honest(port, path, user, start) {
  const browser = new Browser(port, '127.2.0.1');
  for (;;) {
    const r = await signIn(browser, path, user.username, user.password);
    if (r.status === 303) break;
    const wait = Number(r.headers['retry-after']);
    if (r.status !== 503 || !wait) throw new Error(`an honest sign-in got ${r.status}: ${r.text}`);
    await new Promise((done) => setTimeout(done, wait * 1000));
  }
  browser.close();
  return (Date.now() - start) / 1000;
}

// { rate, idle_ms, busy_ms, honest_s, counts, memory, before }
async function signIns(b, seconds) {
  const server = await (await postern(b.full.store, 'flood', { workers: 0 })).start();
  const path = `/oauth2/authorize?${query(b.base.code.id, SCOPE)}`;
  const token = b.all.cc_jwt;
  const capacity = await wrk(server.url, token, { seconds: 2, cores: 'all' });
  const rate = Math.floor(capacity.good / capacity.us * 1e6 / 2 / 32) * 32;
  const at = { rate, seconds, connections: 32, folder: b.folder };
  const p99 = async () => quantile(await fixedRate(server.url, token, at), 0.99) / 1000;
  const idle_ms = await p99();
  const before = memoryMb(server.pid, 'VmHWM');
  const counts = { without_retry_after: 0 };
  let flooding = true;
  const guessers = Array.from({ length: GUESSERS }, (_, n) =>
    guess(server.port, n, path, counts, () => flooding));
  const busy = p99();
  const start = Date.now();
  const times = await Promise.all(Array.from({ length: HONEST }, () =>
    honest(server.port, path, b.base.user, start)));
  const busy_ms = await busy;
  flooding = false;
  await Promise.all(guessers);
  const memory = memoryMb(server.pid, 'VmHWM');
  await server.stop();
  return { rate, idle_ms, busy_ms, honest_s: Math.max(...times), counts, memory, before };
}

module.exports = { signIns };
