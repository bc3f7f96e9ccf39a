'use strict';
// Plays the service manager: systemd's own systemd-socket-activate opens the sockets, and a loop
// starts the server on them again each time it ends, as systemd does with an active socket unit.
//
//     const m = await manage({ dir, sockets: { listen: PORT }, run: 'postern serve', env })
//     m.pid()              of the server that runs now
//     await m.restart()    SIGTERM; resolves when another process has taken over
//     m.log()              all that servers said on stderr
//     await m.stop()       exit codes of all servers, in order

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const quote = (text) => `'${String(text).replace(/'/g, `'\\''`)}'`;

async function until(what, condition, patience_ms = 20000) {
  const end = Date.now() + patience_ms;
  while (Date.now() < end) {
    const value = await condition();
    if (value) return value;
    await sleep(20);
  }
  return assert.fail(`did not happen: ${what}`);
}

// A request on a connection of its own: { status, body }.
function request(port, { method = 'GET', url = '/healthz', headers = {}, body = '' } = {}) {
  return new Promise((done, failed) => {
    const r = http.request({ host: '127.0.0.1', port, method, path: url, agent: false,
      headers: { connection: 'close', ...headers } }, (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (d) => { text += d; });
      res.on('end', () => done({ status: res.statusCode, body: text }));
      res.on('error', failed);
    });
    r.setTimeout(15000, () => r.destroy(new Error('no answer in 15 s')));
    r.on('error', failed);
    r.end(body);
  });
}

function script(dir, run, env) {
  const lines = Object.entries(env).map(([k, v]) => `export ${k}=${quote(v)}`);
  const inner = `echo $$ >${quote(path.join(dir, 'pid'))}; LISTEN_PID=$$; export LISTEN_PID; exec ${run}`;
  return `${lines.join('\n')}
cd ${quote(dir)}
while [ ! -e stop ]; do
  code=0
  sh -c ${quote(inner)} 2>>log || code=$?
  echo $code >>codes
  [ $code = 0 ] || sleep 0.2
done
`;
}

async function manage({ dir, sockets, run, env = {} }) {
  for (const name of ['pid', 'log', 'codes', 'stop']) {
    fs.rmSync(path.join(dir, name), { force: true });
  }
  fs.writeFileSync(path.join(dir, 'loop.sh'), script(dir, run, env));
  fs.writeFileSync(path.join(dir, 'log'), '');
  const listen = Object.values(sockets).flatMap((port) => ['-l', `127.0.0.1:${port}`]);
  const child = spawn('systemd-socket-activate', [...listen,
    `--fdname=${Object.keys(sockets).join(':')}`, 'sh', path.join(dir, 'loop.sh')],
  { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (d) => { said += d; });
  const ended = new Promise((done) => child.on('exit', done));
  const read = (name) => fs.readFileSync(path.join(dir, name), 'utf8');
  const first = Object.values(sockets)[0];
  const manager = {
    pid: () => Number(read('pid')),
    log: () => read('log'),
    ready: () => read('log').split('"event":"ready"').length - 1,
    async restart() {
      const before = manager.ready();
      process.kill(manager.pid(), 'SIGTERM');
      await until('the next server is ready', () => manager.ready() > before);
    },
    async stop() {
      fs.writeFileSync(path.join(dir, 'stop'), '');
      if (child.exitCode === null) process.kill(manager.pid(), 'SIGTERM');
      await ended;
      return read('codes').trim().split('\n').map(Number);
    },
  };
  try {
    await until(`systemd-socket-activate listens (${said})`, () => said.includes('Listening on'));
    request(first).catch(() => {}); // it starts the server on the first connection
    await until('the server is ready', () => manager.ready() > 0);
  } catch (e) {
    child.kill();
    throw new Error(`${e.message}\n${said}\n${read('log')}`);
  }
  return manager;
}

// `width` callers that ask for tokens one after another, each on a new connection, until stop():
// { done, failed: [what went wrong] }.
function load(port, authorization, width = 8) {
  const seen = { done: 0, failed: [] };
  let going = true;
  const caller = async () => {
    while (going) {
      try {
        const r = await request(port, { method: 'POST', url: '/oauth2/token',
          headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
          body: 'grant_type=client_credentials' });
        if (r.status === 200) seen.done++;
        else seen.failed.push(`${r.status} ${r.body}`);
      } catch (e) {
        seen.failed.push(String(e));
      }
      await sleep(1);
    }
  };
  const callers = Array.from({ length: width }, caller);
  return {
    seen,
    stop: async () => {
      going = false;
      await Promise.all(callers);
      return seen;
    },
  };
}

module.exports = { manage, load, request, until, sleep };
