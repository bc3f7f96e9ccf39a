'use strict';
// Requests from an address of this machine's own choice: all of 127.0.0.0/8 is loopback, so
// 127.0.0.2, 127.0.0.3, ... are sources that a server tells apart.

const net = require('node:net');
const tls = require('node:tls');
const { setTimeout: sleep } = require('node:timers/promises');

// One answer read from the bytes; undefined while it is not whole.
function parse(bytes) {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line, ...fields] = text.slice(0, end).split('\r\n');
  const headers = {};
  for (const f of fields) {
    const at = f.indexOf(':');
    headers[f.slice(0, at).toLowerCase()] = f.slice(at + 1).trim();
  }
  const n = Number(headers['content-length'] || 0);
  if (text.length < end + 4 + n) return undefined;
  return { status: Number(line.split(' ')[1]), headers, body: text.slice(end + 4, end + 4 + n),
    n: end + 4 + n };
}

// A connection from `from` to the server; { secure: port } for its TLS listener.
class Source {
  constructor(p, from, { port = p.port, secure = false, preamble = '', tls: extra } = {}) {
    this.p = p;
    this.bytes = Buffer.alloc(0);
    this.closed = false;
    this.waiting = () => {};
    this.raw = net.connect({ host: '127.0.0.1', port, localAddress: from });
    this.raw.on('error', () => {});
    if (preamble) this.raw.write(preamble);
    this.socket = secure
      ? tls.connect({ socket: this.raw, rejectUnauthorized: false, ...extra }) : this.raw;
    this.socket.on('error', () => {});
    this.socket.on('data', (d) => { this.bytes = Buffer.concat([this.bytes, d]); this.waiting(); });
    for (const s of new Set([this.raw, this.socket]))
      s.on('close', () => { this.closed = true; this.waiting(); });
    this.socket.on('end', () => { this.closed = true; this.waiting(); });
  }

  // The next answer; { closed: true } when the connection ends before it.
  async hear(timeout_ms = 5000) {
    const end = Date.now() + timeout_ms;
    for (;;) {
      const answer = parse(this.bytes);
      if (answer) {
        this.bytes = this.bytes.subarray(answer.n);
        return answer;
      }
      if (this.closed) return { closed: true };
      if (Date.now() > end) throw new Error('no answer in time');
      await Promise.race([new Promise((done) => { this.waiting = done; }), sleep(100)]);
    }
  }

  ask(path, { fields = [], form, host = `127.0.0.1:${this.p.port}` } = {}) {
    const body = form ? new URLSearchParams(form).toString() : '';
    const head = [`${form ? 'POST' : 'GET'} ${path} HTTP/1.1`, `Host: ${host}`, ...fields];
    if (form) head.push('Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`);
    this.socket.write(head.join('\r\n') + '\r\n\r\n' + body);
    return this.hear();
  }

  end() {
    this.raw.destroy();
  }
}

// One request on a connection of its own.
async function askFrom(p, from, path, options = {}) {
  const s = new Source(p, from, options);
  try {
    return await s.ask(path, options);
  } finally {
    s.end();
  }
}

// The log line of the request to that path, which must be the only one of it.
async function lineOf(p, path) {
  for (let i = 0; i < 100; i++) {
    const lines = p.logLines().filter((l) => l.event === 'request' && l.path === path);
    if (lines.length > 1) throw new Error(`${lines.length} requests to ${path}`);
    if (lines.length === 1) return lines[0];
    await sleep(20);
  }
  throw new Error(`no log line of ${path}`);
}

module.exports = { Source, askFrom, lineOf };
