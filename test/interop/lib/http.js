'use strict';
// One HTTP request with exactly the headers that are given: fetch() would add an Accept.

const http = require('node:http');

// body: a string or Buffer, or an object to be sent as JSON. Resolves to
// { status, headers, text, json } with json undefined when the text is none.
function request(p, method, target, { headers = {}, body, agent } = {}) {
  const bytes = body === undefined ? null
    : Buffer.isBuffer(body) || typeof body === 'string' ? Buffer.from(body)
      : Buffer.from(JSON.stringify(body));
  return new Promise((done, failed) => {
    const r = http.request(p.url + target, {
      method,
      agent,
      headers: bytes ? { ...headers, 'content-length': bytes.length } : headers,
    }, (res) => {
      const parts = [];
      res.on('data', (d) => parts.push(d));
      res.on('error', failed);
      res.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        let json;
        try {
          json = JSON.parse(text);
        } catch {
          json = undefined;
        }
        done({ status: res.statusCode, headers: res.headers, text, json });
      });
    });
    r.on('error', failed);
    r.end(bytes);
  });
}

module.exports = { request };
