'use strict';
// Requests that arrive at once: connections are opened first, each from an address of its own (or a
// server that limits what one source gets wrong would end the race), and then all are written.
//
//     const answers = await shoot(ports, bytes, 64)   bytes: a request (or a function of its number)
//     answers: [{ status, headers, text, json, sent_ms, came_ms }], status 0: none came

const net = require('node:net');
const { splitResponses } = require('../../interop/lib/postern.js');

const PATIENCE_MS = 10000;

// 127.16.0.0 and on: never one twice in a run.
let used = 0;
function nextAddress() {
  used++;
  return `127.${16 + (used >> 16) % 200}.${(used >> 8) & 255}.${1 + (used & 255) % 254}`;
}

function connect(port) {
  return new Promise((done, failed) => {
    const s = net.connect({ port, host: '127.0.0.1', localAddress: nextAddress(), noDelay: true });
    s.once('connect', () => done(s));
    s.once('error', failed);
  });
}

function answer(socket, sent_ms) {
  return new Promise((done) => {
    let text = '';
    const end = () => {
      clearTimeout(timer);
      socket.destroy();
      const [r] = splitResponses(text);
      let json;
      try {
        json = JSON.parse(r.body);
      } catch {
        json = undefined;
      }
      done({ status: r ? r.status : 0, headers: r ? r.headers : {}, text: r ? r.body : text, json,
        sent_ms, came_ms: performance.now() });
    };
    const timer = setTimeout(end, PATIENCE_MS);
    socket.setEncoding('latin1');
    socket.on('data', (d) => {
      text += d;
      if (splitResponses(text).length > 0) end();
    });
    socket.on('error', end);
    socket.on('close', end);
  });
}

async function shoot(ports, bytes, n) {
  const sockets = await Promise.all(Array.from({ length: n }, (_, i) =>
    connect(ports[i % ports.length])));
  const texts = sockets.map((_, i) => (typeof bytes === 'function' ? bytes(i) : bytes));
  return Promise.all(sockets.map((s, i) => {
    s.write(texts[i], 'latin1');
    return answer(s, performance.now());
  }));
}

// The bytes of a request with a form, or of a GET.
function formBytes(port, path, params, headers = {}) {
  const body = new URLSearchParams(params).toString();
  const all = { host: `127.0.0.1:${port}`, 'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body), ...headers };
  return `POST ${path} HTTP/1.1\r\n${lines(all)}\r\n${body}`;
}

function getBytes(port, path, headers = {}) {
  return `GET ${path} HTTP/1.1\r\n${lines({ host: `127.0.0.1:${port}`, ...headers })}\r\n`;
}

const lines = (headers) => Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('');

module.exports = { shoot, formBytes, getBytes, nextAddress };
