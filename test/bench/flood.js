'use strict';
// 200 guesses of passwords at a time, from four addresses, beside token requests at half of what
// the server can do, and 20 honest people at another address. Who is refused tries again after about
// a fifth of a second, whatever Retry-After says: guessers are in a hurry.
//
// This process plays all of them; it stands back (nice) behind the server and h2load, or its own
// need of the processor would be measured.

const os = require('node:os');
const { memoryMb, wrk } = require('./measure');
const { latency } = require('./probes');
const { postern, sleep } = require('./servers');
const { Browser, signIn, query, SCOPE } = require('./people');

const GUESSERS = 200;
const CONNECTIONS = 128; // h2load asks at most about 125 times a second on one
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
    if (r.status !== 200) await sleep(100 + 200 * Math.random());
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

// { idle, busy, honest_s, counts, memory, before }
async function signIns(b, seconds) {
  const server = await (await postern(b.full.store, 'flood', { workers: 0 })).start();
  const path = `/oauth2/authorize?${query(b.base.code.id, SCOPE)}`;
  const token = b.all.cc_jwt;
  const capacity = await wrk(server.url, token, { seconds: 2, cores: 'all' });
  const rate = Math.floor(capacity.good / capacity.us * 1e6 / 2 / CONNECTIONS) * CONNECTIONS;
  const at = { rate, seconds, connections: CONNECTIONS, folder: b.folder };
  const idle = await latency(server, token, at);
  const before = memoryMb(server.pid, 'VmHWM');
  const counts = { without_retry_after: 0 };
  let flooding = true;
  const guessers = Array.from({ length: GUESSERS }, (_, n) =>
    guess(server.port, n, path, counts, () => flooding));
  const loaded = latency(server, token, at);
  os.setPriority(10);
  const start = Date.now();
  const times = await Promise.all(Array.from({ length: HONEST }, () =>
    honest(server.port, path, b.base.user, start)));
  const busy = await loaded;
  flooding = false;
  await Promise.all(guessers);
  os.setPriority(0);
  const memory = memoryMb(server.pid, 'VmHWM');
  await server.stop();
  return { idle, busy, honest_s: Math.max(...times), counts, memory, before };
}

module.exports = { signIns };
