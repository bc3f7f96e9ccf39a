'use strict';
// HAProxy in front of the nodes, with retries off: whatever a node fails to do, its client sees.
//
//     const front = await startHaproxy([port, ...], { port });    front.url
//     await front.up(n)      waits until n nodes are taken for alive
//     await front.stop()

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { run, freePort, until } = require('./run.js');

// As docs/cluster.md has it, with faster checks. Nodes answer for their own host names only.
const config = (port, nodes, dir) => `
global
  maxconn 4000
  stats socket ${dir}/admin mode 600 level admin
defaults
  mode http
  retries 0
  timeout connect 2s
  timeout client 60s
  timeout server 30s
  timeout check 1s
frontend front
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance leastconn
  option httpchk
  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host 127.0.0.1
  http-check expect status 200
  default-server check inter 250ms fall 1 rise 1
${nodes.map((n, i) => `  server node${i + 1} 127.0.0.1:${n}`).join('\n')}
`;

class Haproxy {
  constructor(port, dir) {
    Object.assign(this, { port, dir, url: `http://127.0.0.1:${port}` });
  }

  async start(nodes) {
    const file = path.join(this.dir, 'haproxy.cfg');
    fs.writeFileSync(file, config(this.port, nodes, this.dir));
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    await run('haproxy', ['-c', '-q', '-f', file], { env });
    this.child = spawn('haproxy', ['-db', '-f', file], { env, stdio: 'ignore' });
    this.exited = new Promise((done) => this.child.on('close', done));
    await this.up(nodes.length);
  }

  // How many nodes are up, in the words of its statistics.
  async alive() {
    const out = await run('socat', ['-', `UNIX-CONNECT:${this.dir}/admin`],
      { input: 'show stat\n' }).catch(() => '');
    return out.split('\n').filter((l) => /^nodes,node\d+,/.test(l) && l.split(',')[17] === 'UP').length;
  }

  up(n) {
    return until(`HAProxy takes ${n} nodes for alive`, async () => (await this.alive()) === n);
  }

  async stop() {
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 3000);
    await this.exited;
    clearTimeout(late);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

async function startHaproxy(nodes, { port } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-ha-'));
  const front = new Haproxy(port || await freePort(), dir);
  try {
    await front.start(nodes);
  } catch (e) {
    if (front.child) await front.stop();
    throw e;
  }
  return front;
}

module.exports = { startHaproxy };
