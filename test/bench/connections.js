'use strict';
// Many keep-alive connections at once, one token request over each, all left open:
// openMany(port, n, request) -> { answered, close() }.

const net = require('node:net');

const AT_ONCE = 200;
// A pair of addresses has some 28,000 ports; more connections come from further loopback ones.
const PER_ADDRESS = 20000;

function requestBytes(port, r) {
  const lines = [`${r.method} ${r.path} HTTP/1.1`, `Host: 127.0.0.1:${port}`];
  if (r.type) lines.push(`Content-Type: ${r.type}`);
  if (r.auth) lines.push(`Authorization: ${r.auth}`);
  lines.push(`Content-Length: ${Buffer.byteLength(r.body)}`, '', r.body);
  return lines.join('\r\n');
}

// Resolves when the whole answer has come: true if it is as expected.
function openOne(port, from, bytes, request, sockets) {
  return new Promise((done) => {
    const socket = net.connect({ port, host: '127.0.0.1', localAddress: from });
    let text = '';
    sockets.push(socket);
    socket.on('connect', () => socket.write(bytes));
    socket.on('error', () => done(false));
    socket.on('close', () => done(false));
    socket.on('data', (d) => {
      text += d;
      const end = text.indexOf('\r\n\r\n');
      const length = /content-length: *(\d+)/i.exec(text);
      if (end < 0 || !length || text.length < end + 4 + Number(length[1])) return;
      done(request.looks(text.slice(end + 4), Number(text.split(' ')[1])));
    });
  });
}

async function openMany(port, n, request) {
  const bytes = requestBytes(port, request);
  const sockets = [];
  let answered = 0;
  for (let first = 0; first < n; first += AT_ONCE) {
    const group = [];
    for (let i = first; i < Math.min(n, first + AT_ONCE); i++) {
      const from = `127.0.0.${2 + Math.floor(i / PER_ADDRESS)}`;
      group.push(openOne(port, from, bytes, request, sockets));
    }
    answered += (await Promise.all(group)).filter(Boolean).length;
  }
  const open = sockets.filter((s) => !s.destroyed && s.readyState === 'open').length;
  return { answered, open, close: () => sockets.forEach((s) => s.destroy()) };
}

module.exports = { openMany };
