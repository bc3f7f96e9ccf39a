'use strict';
// What is measured once or a few times, beside CPU per request: start-up, connections, memory,
// latency at a fixed rate, and whether ten thousand JWTs are ten thousand good ones.

const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const { wrk, fixedRate, memoryMb, median, quantile } = require('./measure');
const { postern, sleep } = require('./servers');
const { openMany } = require('./connections');

const sendOnce = (port, agent, request) => new Promise((done, failed) => {
  const headers = { 'content-length': Buffer.byteLength(request.body) };
  if (request.type) headers['content-type'] = request.type;
  if (request.auth) headers.authorization = request.auth;
  const r = http.request({ port, host: '127.0.0.1', agent, method: request.method,
    path: request.path, headers }, (res) => {
    let text = '';
    res.on('data', (d) => { text += d; });
    res.on('end', () => done({ status: res.statusCode, text }));
    res.on('error', failed);
  });
  r.on('error', failed);
  r.end(request.body);
});

// n access tokens, by 64 connections. A connection that the server closes after its thousandth
// request may take one more with it, which is asked again.
async function fetchTokens(server, request, n) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const tokens = [];
  let asked = 0;
  const one = async () => {
    while (asked < n) {
      asked++;
      const r = await sendOnce(server.port, agent, request)
        .catch(() => sendOnce(server.port, agent, request));
      if (!request.looks(r.text, r.status)) throw new Error(`${r.status}: ${r.text}`);
      tokens.push(JSON.parse(r.text).access_token);
    }
  };
  await Promise.all(Array.from({ length: 64 }, one));
  agent.destroy();
  return tokens;
}

// { n, distinct, verified } by the npm package jose and the published JWKS.
async function verifyTokens(server, tokens) {
  const { createLocalJWKSet, jwtVerify } = await import('jose');
  const jwks = createLocalJWKSet(await (await fetch(`${server.url}/oauth2/jwks`)).json());
  const ids = new Set();
  let verified = 0;
  for (const token of tokens) {
    const { payload } = await jwtVerify(token, jwks,
      { issuer: 'http://127.0.0.1', typ: 'at+jwt', algorithms: ['ES256'] });
    ids.add(payload.jti);
    verified++;
  }
  return { n: tokens.length, distinct: ids.size, verified };
}

// Milliseconds from exec to the first 200 with a token: tried anew each half millisecond.
async function startOnce(store, request) {
  const server = await postern(store, 'start', { workers: 0, bench: false });
  const start = process.hrtime.bigint();
  server.spawn();
  const agent = new http.Agent();
  for (;;) {
    const r = await connects(server.port) &&
      await sendOnce(server.port, agent, request).catch(() => null);
    if (r && request.looks(r.text, r.status)) break;
    if (server.ended) throw new Error(`the server ended: ${server.ended}`);
    await sleep(0.5);
  }
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  await server.stop();
  return ms;
}

const connects = (port) => new Promise((done) => {
  const s = net.connect(port, '127.0.0.1');
  s.on('connect', () => { s.destroy(); done(true); });
  s.on('error', () => done(false));
});

async function startTimes(store, request, rounds) {
  const list = [];
  for (let i = 0; i < rounds; i++) list.push(await startOnce(store, request));
  return median(list);
}

// Throughput with few and many connections, interleaved; the ratio is of medians.
async function manyConnections(server, request, { rounds, seconds }) {
  const few = [];
  const many = [];
  let max_us = 0;
  for (let i = 0; i < rounds; i++) {
    const a = await wrk(server.url, request, { connections: 64, seconds, cores: 'all' });
    const b = await wrk(server.url, request, { connections: 1000, seconds, cores: 'all' });
    few.push(a.good / a.us * 1e6);
    many.push(b.good / b.us * 1e6);
    max_us = Math.max(max_us, b.max_us);
    server.emptyLog();
  }
  return { few: median(few), many: median(many), max_ms: max_us / 1000 };
}

// Peak memory while every kind of request comes for a while, and clients that no cache knows.
async function peakUnderLoad(server, list, seconds) {
  for (const request of list) {
    await wrk(server.url, request, { connections: 64, seconds, cores: 'all' });
    server.emptyLog();
  }
  return memoryMb(server.pid, 'VmHWM');
}

// RSS while n idle connections are open, each after a token request.
async function idleConnections(store, request, n) {
  const server = await postern(store, 'idle', { workers: 0, bench: false });
  await server.start();
  const before = memoryMb(server.pid, 'VmRSS');
  const many = await openMany(server.port, n, request);
  const after = memoryMb(server.pid, 'VmRSS');
  many.close();
  await server.stop();
  return { before, after, answered: many.answered, open: many.open };
}

// The 99th percentile of what the server's own log says of requests at a fixed rate (from the
// complete request to the answer handed to the kernel, so with the wait for the commit), and of
// what the client saw. Milliseconds.
async function latency(server, request, { rate, seconds, connections = 32, folder }) {
  server.emptyLog();
  const seen = await fixedRate(server.url, request, { rate, seconds, connections, folder });
  await sleep(300);
  const lines = fs.readFileSync(server.log, 'utf8').split('\n')
    .filter((l) => l.includes(`"path":"${request.path}"`));
  const served = lines.map((l) => JSON.parse(l).us).sort((a, b) => a - b);
  server.emptyLog();
  const ms = (list, q) => quantile(list, q) / 1000;
  return { n: seen.length, rate: seen.length / seconds, served_p50: ms(served, 0.5),
    served_p99: ms(served, 0.99), seen_p99: ms(seen, 0.99), served_max: ms(served, 1) };
}

module.exports = { fetchTokens, verifyTokens, startTimes, manyConnections, peakUnderLoad,
  idleConnections, latency };
