'use strict';
// The front door from outside: framing, limits and deadlines (security.md A1-A9), byte by byte
// over raw sockets, on a path of each dialect. Whatever is wrong with the bytes, the answer has
// the shape of the dialect that owns the path, is never empty, and nothing behind it is read as a
// request of its own.

const { test, before, after, describe } = require('node:test');
const assert = require('node:assert');
const net = require('node:net');
const { startPostern, rawRequest, splitResponses, makeTwineClient, sleep } =
  require('../interop/lib/postern.js');
const { FORM, STANDARD, TWINE, assertError, request, post, send, basic, makeClient } =
  require('./lib/shape.js');

let p;
let client;
before(async () => {
  p = await startPostern();
  client = await makeClient(p);
});
after(() => p.stop());

const BODY = 'a=b';
const HOST = () => `Host: 127.0.0.1:${p.port}`;

// A POST whose framing headers are given; a second request behind it must never be answered.
function framed(d, headers, body = BODY, version = 'HTTP/1.1') {
  return [`POST ${d.path} ${version}`, HOST(), `Content-Type: ${d.type}`, ...headers, '', body]
    .join('\r\n') + '\r\n\r\nGET /healthz HTTP/1.1\r\n' + HOST() + '\r\n\r\n';
}

// One answer of the dialect's shape, then the end of the connection.
async function refused(d, bytes, statuses) {
  const r = await rawRequest(p, bytes, { untilClose: true, timeout_ms: 4000 });
  assert.ok(r.closed, `the connection stays open after: ${r.text}`);
  assert.strictEqual(r.responses.length, 1, `expected one answer, got: ${r.text}`);
  const [answer] = r.responses;
  assert.ok([statuses].flat().includes(answer.status), `status ${answer.status}: ${answer.body}`);
  assert.strictEqual(answer.headers.connection, 'close');
  assertError(d, answer);
  return answer;
}

const CL = [`Content-Length: ${BODY.length}`];
const chunks = (text) => [['Transfer-Encoding: chunked'], text];

// [what, framing headers, body]
const FRAMING = [
  ['Content-Length and Transfer-Encoding', [...CL, 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['Transfer-Encoding and Content-Length', ['Transfer-Encoding: chunked', ...CL], '0\r\n\r\n'],
  ['two different Content-Length', ['Content-Length: 3', 'Content-Length: 4']],
  ['two equal Content-Length', ['Content-Length: 3', 'Content-Length: 3']],
  ...['+5', '5,5', '0x5', '5 5', '', '18446744073709551616', '-1', '3;', '3.0', '٣', '1e1']
    .map((v) => [`Content-Length "${v}"`, [Buffer.from(`Content-Length: ${v}`).toString('latin1')]]),
  ...['xchunked', 'chunked, identity', 'identity, chunked', 'chunked;x=1', 'Chunked\x0b', 'gzip',
    'chunked, chunked', '', '"chunked"']
    .map((v) => [`Transfer-Encoding ${JSON.stringify(v)}`, [`Transfer-Encoding: ${v}`],
      '0\r\n\r\n', [400, 501]]),
  ['Transfer-Encoding twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    '0\r\n\r\n', [400, 501]],
  ['chunk size 0x3', ...chunks('0x3\r\na=b\r\n0\r\n\r\n')],
  ['chunk size with a space', ...chunks('3 \r\na=b\r\n0\r\n\r\n')],
  ['chunk size with a sign', ...chunks('+3\r\na=b\r\n0\r\n\r\n')],
  ['chunk size of 17 digits', ...chunks('00000000000000003\r\na=b\r\n0\r\n\r\n')],
  ['chunk size of nothing', ...chunks('\r\na=b\r\n0\r\n\r\n')],
  ['bare LF after the chunk size', ...chunks('3\na=b\r\n0\r\n\r\n')],
  ['bare LF inside an extension', ...chunks('3;x\ny\r\na=b\r\n0\r\n\r\n')],
  ['bare CR inside an extension', ...chunks('3;x\ry\r\na=b\r\n0\r\n\r\n')],
  ['chunk data ended by LF', ...chunks('3\r\na=b\n0\r\n\r\n')],
  ['chunk data longer than its size', ...chunks('2\r\na=b\r\n0\r\n\r\n')],
  ['chunk extension of 300 bytes', ...chunks(`3;${'x'.repeat(300)}\r\na=b\r\n0\r\n\r\n`)],
  ['trailers', ...chunks('3\r\na=b\r\n0\r\nX: y\r\n\r\n')],
  ['smuggling trailers', ...chunks('3\r\na=b\r\n0\r\nContent-Length: 5\r\n\r\n')],
  ['space before the colon', [...CL, 'X-A : b']],
  ['tab before the colon', [...CL, 'X-A\t: b']],
  ['a folded line', [...CL, 'X-A: b\r\n c']],
  ['a folded header name', [...CL, 'X-A: b\r\n Transfer-Encoding: chunked']],
  ['bare CR in a value', [...CL, 'X-A: b\rc']],
  ['bare LF for a line end', [...CL, 'X-A: b\nX-B: c']],
  ['NUL in a value', [...CL, 'X-A: b\0c']],
  ['a control character in a value', [...CL, 'X-A: b\x01c']],
  ['DEL in a value', [...CL, 'X-A: b\x7fc']],
  ['a name that is no token', [...CL, 'X(A): b']],
  ['a name with a raw byte', [...CL, 'X\xe4: b']],
  ['an empty name', [...CL, ': b']],
  ['a line without a colon', [...CL, 'X-A']],
  ['Content_Length', [...CL, 'Content_Length: 5']],
  ['Transfer_Encoding', [...CL, 'Transfer_Encoding: chunked']],
];

for (const d of [STANDARD, TWINE]) {
  describe(`framing, ${d.name}`, { concurrency: 4 }, () => {
    for (const [what, headers, body, statuses] of FRAMING) {
      test(what, () => refused(d, framed(d, headers, body), statuses || 400));
    }
    test('Transfer-Encoding in HTTP/1.0', () =>
      refused(d, framed(d, ['Transfer-Encoding: chunked'], '0\r\n\r\n', 'HTTP/1.0'), [400, 501]));
    test('a line that begins with a space before the first field', () =>
      refused(d, `POST ${d.path} HTTP/1.1\r\n ${HOST()}\r\nContent-Length: 0\r\n\r\n`, 400));
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      test(`a body on ${method}`, async () => {
        const bytes = request(p, `${method} ${d.path} HTTP/1.1`, ['Content-Length: 3'], 'a=b');
        if (method !== 'HEAD') return refused(d, bytes, 400);
        const r = await rawRequest(p, bytes, { untilClose: true });
        assert.ok(r.closed);
        assert.match(r.text, /^HTTP\/1\.1 400 /);
      });
      test(`a chunked body on ${method}`, async () => {
        const bytes = request(p, `${method} ${d.path} HTTP/1.1`, ['Transfer-Encoding: chunked'],
          '3\r\na=b\r\n0\r\n\r\n');
        const r = await rawRequest(p, bytes, { untilClose: true });
        assert.ok(r.closed);
        assert.match(r.text, /^HTTP\/1\.1 400 /);
      });
    }
  });

  describe(`Host and request line, ${d.name}`, { concurrency: 4 }, () => {
    const line = (first, headers) => [first, ...headers, 'Content-Length: 0', '', ''].join('\r\n');
    const ok = `POST ${d.path} HTTP/1.1`;
    test('no Host', () => refused(d, line(ok, []), 400));
    test('two Hosts', () => refused(d, line(ok, [HOST(), HOST()]), 400));
    test('an empty Host', () => refused(d, line(ok, ['Host:']), [400, 421]));
    test('a Host with userinfo', () => refused(d, line(ok, [`Host: u@127.0.0.1:${p.port}`]), [400, 421]));
    test('a Host with a bad port', () => refused(d, line(ok, ['Host: 127.0.0.1:8x']), [400, 421]));
    test('a Host with a port beyond 65535', () =>
      refused(d, line(ok, ['Host: 127.0.0.1:65536']), [400, 421]));
    test('a Host with a space', () => refused(d, line(ok, ['Host: 127.0.0.1 x']), [400, 421]));
    test('another Host', async () => {
      const r = await send(p, line(ok, ['Host: evil.example']));
      assert.strictEqual(r.status, 421);
      assertError(d, r);
    });
    test('a Host that ends like ours', async () => {
      const r = await send(p, line(ok, ['Host: 127.0.0.1.evil.example']));
      assert.strictEqual(r.status, 421);
      assertError(d, r);
    });
    test('an absolute target of another host', () =>
      refused(d, line(`POST http://evil.example${d.path} HTTP/1.1`, [HOST()]), [400, 421]));
    test('an absolute target with userinfo', () =>
      refused(d, line(`POST http://u@127.0.0.1:${p.port}${d.path} HTTP/1.1`, [HOST()]), [400, 421]));
    test('a fragment in the target', async () => {
      const r = await rawRequest(p, line(`POST ${d.path}#x HTTP/1.1`, [HOST()]), { untilClose: true });
      assert.match(r.text, /^HTTP\/1\.1 400 /);
      assert.ok(r.closed);
    });
    for (const [what, first, status] of [
      ['two spaces', `POST  ${d.path} HTTP/1.1`, 400],
      ['two spaces before the version', `POST ${d.path}  HTTP/1.1`, 400],
      ['a tab', `POST\t${d.path} HTTP/1.1`, 400],
      ['no version', `POST ${d.path}`, 400],
      ['version 9.9', `POST ${d.path} HTTP/9.9`, [400, 505]],
      ['version 2.0', `POST ${d.path} HTTP/2.0`, [400, 505]],
      ['a lower-case version', `POST ${d.path} http/1.1`, 400],
      ['a lower-case method', `post ${d.path} HTTP/1.1`, [400, 405, 501]],
      ['a space behind the version', `POST ${d.path} HTTP/1.1 `, 400],
      ['a leading space', ` POST ${d.path} HTTP/1.1`, 400],
      ['a header before it', `X: y\r\nPOST ${d.path} HTTP/1.1`, 400],
      ['a raw byte in the target', `POST ${d.path}\xff HTTP/1.1`, 400],
      ['a control character in the target', `POST ${d.path}\x01 HTTP/1.1`, 400],
      ['no leading slash', `POST ${d.path.slice(1)} HTTP/1.1`, 400],
    ]) {
      test(`request line with ${what}`, async () => {
        const r = await rawRequest(p, line(first, [HOST()]), { timeout_ms: 3000 });
        assert.strictEqual(r.responses.length, 1, r.text);
        assert.ok([status].flat().includes(r.responses[0].status), r.text);
        assert.doesNotThrow(() => JSON.parse(r.responses[0].body), r.text);
      });
    }
  });

  describe(`limits, ${d.name}`, { concurrency: 4 }, () => {
    test('security.md A8: a request line beyond 8 KiB', () =>
      refused(d, request(p, `GET ${d.path}?a=${'x'.repeat(8200)} HTTP/1.1`), 414));
    test('security.md A8: a request line just below 8 KiB', async () => {
      const bytes = request(p, `GET ${d.path}?a=${'x'.repeat(8000)} HTTP/1.1`);
      assert.strictEqual((await send(p, bytes)).status, 405);
    });
    test('security.md A8: a header block beyond 16 KiB', () =>
      refused(d, request(p, `POST ${d.path} HTTP/1.1`, [`X-A: ${'x'.repeat(16400)}`]), 431));
    test('security.md A8: a header block that never ends', () =>
      refused(d, `POST ${d.path} HTTP/1.1\r\n` + 'X-A: b\r\n'.repeat(3000), 431));
    test('security.md A8: 65 fields', () => refused(d, request(p, `POST ${d.path} HTTP/1.1`,
      Array.from({ length: 64 }, (_, i) => `X-${i}: y`)), 431));
    test('security.md A8: 64 fields', async () => {
      const bytes = request(p, `GET ${d.path} HTTP/1.1`,
        Array.from({ length: 63 }, (_, i) => `X-${i}: y`));
      assert.strictEqual((await send(p, bytes)).status, 405);
    });
    test('security.md A8: a body beyond 32 KiB is refused before it is sent', () =>
      refused(d, request(p, `POST ${d.path} HTTP/1.1`,
        [`Content-Type: ${d.type}`, 'Content-Length: 32769']), 413));
    test('security.md A8: a chunked body beyond 32 KiB', () =>
      refused(d, request(p, `POST ${d.path} HTTP/1.1`,
        [`Content-Type: ${d.type}`, 'Transfer-Encoding: chunked'],
        `4000\r\n${'x'.repeat(0x4000)}\r\n`.repeat(3)), 413));
    test('security.md A8: a chunk size that announces too much', () =>
      refused(d, request(p, `POST ${d.path} HTTP/1.1`,
        [`Content-Type: ${d.type}`, 'Transfer-Encoding: chunked'], 'ffffffffffffffff\r\n'), [400, 413]));
  });

  describe(`Expect and Upgrade, ${d.name}`, () => {
    test('Expect: 100-continue gets 100, then the answer', async () => {
      const socket = net.connect(p.port, '127.0.0.1');
      let text = '';
      socket.setEncoding('latin1').on('data', (t) => { text += t; });
      socket.on('error', () => {});
      socket.write(request(p, `POST ${d.path} HTTP/1.1`,
        [`Content-Type: ${d.type}`, 'Content-Length: 3', 'Expect: 100-continue']));
      for (let i = 0; i < 100 && !text.includes('\r\n\r\n'); i++) await sleep(20);
      assert.strictEqual(text, 'HTTP/1.1 100 Continue\r\n\r\n');
      socket.write('a=b');
      for (let i = 0; i < 100 && splitResponses(text).length < 2; i++) await sleep(20);
      socket.destroy();
      const [, answer] = splitResponses(text);
      assert.ok(answer.status >= 400 && answer.status < 500, text);
      assertError(d, answer);
    });
    test('another Expect is 417', async () => {
      const r = await send(p, post(p, d.path, d.type, BODY, ['Expect: 200-ok']));
      assert.strictEqual(r.status, 417);
      assertError(d, r);
    });
    test('Upgrade to h2c is ignored', async () => {
      const r = await send(p, request(p, `GET ${d.path} HTTP/1.1`,
        ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk']));
      assert.strictEqual(r.status, 405);
      assertError(d, r);
    });
    test('the HTTP/2 preface is no request', async () => {
      const r = await rawRequest(p, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', { untilClose: true });
      assert.ok(r.closed);
      assert.ok([400, 505].includes(r.responses[0].status), r.text);
    });
  });

  test(`pipelining: one answer per request in order, an error ends it, ${d.name}`, async () => {
    const good = post(p, d.path, d.type, BODY);
    const metadata = request(p, 'GET /.well-known/oauth-authorization-server HTTP/1.1');
    const bad = `POST ${d.path} HTTP/1.1\r\n${HOST()}\r\nX : y\r\n\r\n`;
    const r = await rawRequest(p, metadata + good + metadata + bad + metadata, { untilClose: true });
    assert.ok(r.closed);
    assert.strictEqual(r.responses.length, 4, r.text);
    assert.strictEqual(JSON.parse(r.responses[0].body).issuer.slice(0, 7), 'http://');
    assertError(d, r.responses[1]);
    assert.strictEqual(r.responses[2].body, r.responses[0].body);
    assert.strictEqual(r.responses[3].status, 400);
    assertError(d, r.responses[3]);
  });

  test(`an answer that is given before the body was read keeps in step, ${d.name}`, async () => {
    const hidden = request(p, 'GET /oauth2/jwks HTTP/1.1');
    const r = await rawRequest(p, post(p, `${d.path}/nowhere`, 'text/plain', hidden)
      + request(p, 'GET /.well-known/oauth-authorization-server HTTP/1.1'), { responses: 2 });
    assert.ok(r.responses.length >= 1, r.text);
    assertError(d, r.responses[0]);
    assert.ok(!r.text.includes('"keys"'), 'the body was answered as a request');
    if (r.responses.length > 1) assert.ok(JSON.parse(r.responses[1].body).issuer);
    else assert.ok(r.closed);
  });

  test(`HEAD is GET without a body, ${d.name}`, async () => {
    const path = d === TWINE ? '/pub/group' : '/oauth2/jwks';
    const head = await rawRequest(p, request(p, `HEAD ${path} HTTP/1.1`, ['Connection: close']),
      { untilClose: true });
    const get = await send(p, request(p, `GET ${path} HTTP/1.1`));
    assert.match(head.text, new RegExp(`^HTTP/1\\.1 ${get.status} `));
    assert.ok(head.text.endsWith('\r\n\r\n'), head.text);
    const length = /content-length: (\d+)/i.exec(head.text);
    assert.strictEqual(Number(length[1]), get.body.length);
  });
}

test('chunked bodies are read, extensions and all', async () => {
  const text = 'grant_type=client_credentials';
  const body = `5;a=b;c="d e"\r\n${text.slice(0, 5)}\r\n1\r\n${text[5]}\r\n`
    + `${(text.length - 6).toString(16).toUpperCase()}\r\n${text.slice(6)}\r\n000\r\n\r\n`;
  const r = await send(p, request(p, 'POST /oauth2/token HTTP/1.1', [`Content-Type: ${FORM}`,
    'transfer-encoding: Chunked', `Authorization: ${client.authorization}`], body));
  assert.strictEqual(r.status, 200, r.body);
  assert.strictEqual(typeof JSON.parse(r.body).access_token, 'string');
});

test('a request that comes in single bytes is read', async () => {
  const bytes = post(p, '/oauth2/token', FORM, 'grant_type=client_credentials',
    [`Authorization: ${client.authorization}`]);
  const socket = net.connect({ port: p.port, host: '127.0.0.1', noDelay: true });
  let text = '';
  socket.setEncoding('latin1').on('data', (t) => { text += t; });
  for (const byte of bytes) {
    socket.write(byte);
    await new Promise(setImmediate);
  }
  for (let i = 0; i < 100 && splitResponses(text).length < 1; i++) await sleep(20);
  socket.destroy();
  assert.strictEqual(splitResponses(text)[0].status, 200, text);
});

test('Connection cannot remove a security header', async () => {
  const r = await send(p, post(p, '/oauth2/token', FORM, 'grant_type=client_credentials',
    [`Authorization: ${client.authorization}`, 'Connection: authorization, content-type, dpop']));
  assert.strictEqual(r.status, 200, r.body);
});

test('a look-alike of a forwarding header is dropped', async () => {
  const r = await send(p, post(p, '/oauth2/token', FORM, 'grant_type=client_credentials',
    [`Authorization: ${client.authorization}`, 'X_Forwarded_For: 10.0.0.1', 'Authorization_: x']));
  assert.strictEqual(r.status, 200, r.body);
  await sleep(100);
  assert.ok(!JSON.stringify(p.logLines()).includes('10.0.0.1'));
});

test('HTTP/1.0 is answered and closed; keep-alive is granted when asked for', async () => {
  const close = await rawRequest(p, 'GET /healthz HTTP/1.0\r\n' + HOST() + '\r\n\r\n',
    { untilClose: true });
  assert.ok(close.closed);
  assert.strictEqual(close.responses[0].status, 200);
  const r = await rawRequest(p, 'GET /healthz HTTP/1.1\r\n' + HOST()
    + '\r\nConnection: close\r\n\r\nGET /healthz HTTP/1.1\r\n' + HOST() + '\r\n\r\n',
  { untilClose: true });
  assert.ok(r.closed);
  assert.strictEqual(r.responses.length, 1);
});

test('security.md A9: 1,000 requests on a connection, then it closes', async () => {
  const r = await rawRequest(p, request(p, 'GET /healthz HTTP/1.1').repeat(1001),
    { untilClose: true, timeout_ms: 20000 });
  assert.ok(r.closed);
  assert.strictEqual(r.responses.length, 1000);
  assert.strictEqual(r.responses[999].headers.connection, 'close');
  assert.notStrictEqual(r.responses[998].headers.connection, 'close');
});

test('security.md A8: form limits: 64 parameters, names of 64 bytes, values of 16 KiB', async () => {
  const auth = [`Authorization: ${client.authorization}`];
  const grant = 'grant_type=client_credentials';
  const status = async (body) => {
    const r = await send(p, post(p, '/oauth2/token', FORM, body, auth));
    if (r.status !== 200) assertError(STANDARD, r, 'invalid_request');
    return r.status;
  };
  const many = (n) => grant + Array.from({ length: n - 1 }, (_, i) => `&x${i}=1`).join('');
  assert.strictEqual(await status(many(64)), 200);
  assert.strictEqual(await status(many(65)), 400);
  assert.strictEqual(await status(`${grant}&${'n'.repeat(64)}=1`), 200);
  assert.strictEqual(await status(`${grant}&${'n'.repeat(65)}=1`), 400);
  assert.strictEqual(await status(`${grant}&v=${'x'.repeat(16384)}`), 200);
  assert.strictEqual(await status(`${grant}&v=${'x'.repeat(16385)}`), 400);
});

// A peer that sends `bytes`, then `drip` one byte a second; how long until the server closed.
function drip(bytes, byte = null) {
  return new Promise((done) => {
    const start = Date.now();
    const socket = net.connect(p.port, '127.0.0.1');
    let text = '';
    socket.write(bytes);
    const timer = byte === null ? null : setInterval(() => socket.write(byte), 1000);
    const finish = () => {
      clearInterval(timer);
      socket.destroy();
      done({ seconds: (Date.now() - start) / 1000, text, responses: splitResponses(text) });
    };
    socket.setEncoding('latin1').on('data', (t) => { text += t; });
    socket.on('error', finish).on('end', finish).on('close', finish);
    setTimeout(finish, 45000).unref();
  });
}

describe('deadlines', { concurrency: true }, () => {
  for (const d of [STANDARD, TWINE]) {
    const head = () => `POST ${d.path} HTTP/1.1\r\n${HOST()}\r\nContent-Type: ${d.type}\r\n`;
    test(`a head that drips is closed at 10 s, ${d.name}`, async () => {
      const r = await drip(`${head()}X-A: `, 'y');
      assert.ok(r.seconds > 9 && r.seconds < 13, `closed after ${r.seconds} s`);
      assert.strictEqual(r.responses[0].status, 408, r.text);
      assertError(d, r.responses[0]);
    });
    test(`a body that drips is closed at 20 s, ${d.name}`, async () => {
      const r = await drip(`${head()}Content-Length: 100\r\n\r\n`, 'y');
      assert.ok(r.seconds > 19 && r.seconds < 23, `closed after ${r.seconds} s`);
      assert.strictEqual(r.responses[0].status, 408, r.text);
      assertError(d, r.responses[0]);
    });
    test(`a chunked body that drips is closed at 20 s, ${d.name}`, async () => {
      const r = await drip(`${head()}Transfer-Encoding: chunked\r\n\r\n100\r\n`, 'y');
      assert.ok(r.seconds > 19 && r.seconds < 23, `closed after ${r.seconds} s`);
      assert.strictEqual(r.responses[0].status, 408, r.text);
    });
  }
  test('an idle connection is closed at 30 s, without a word', async () => {
    const r = await drip(request(p, 'GET /healthz HTTP/1.1'));
    assert.ok(r.seconds > 29 && r.seconds < 33, `closed after ${r.seconds} s`);
    assert.strictEqual(r.responses.length, 1, r.text);
  });
  test('a connection that says nothing is closed by 30 s', async () => {
    const r = await drip('');
    assert.ok(r.seconds > 9 && r.seconds < 33, `closed after ${r.seconds} s`);
  });
  test('400 dripping connections do not slow an honest client', async () => {
    const sockets = Array.from({ length: 400 }, () => {
      const s = net.connect(p.port, '127.0.0.1');
      s.on('error', () => {});
      s.write('POST /oauth2/token HTTP/1.1\r\nX-A: ');
      return s;
    });
    await sleep(500);
    const worst = [];
    for (let i = 0; i < 50; i++) {
      const start = Date.now();
      const r = await send(p, request(p, 'GET /healthz HTTP/1.1'));
      assert.strictEqual(r.status, 200);
      worst.push(Date.now() - start);
    }
    for (const s of sockets) s.destroy();
    worst.sort((a, b) => a - b);
    assert.ok(worst[25] < 100, `median ${worst[25]} ms`);
  });
});

describe('connections', () => {
  let q;
  before(async () => {
    q = await startPostern({ settings: { connections_max: 16 } });
  });
  after(() => q.stop());

  test('beyond connections_max: 503 with a body, and room again when one leaves', async () => {
    const open = [];
    for (let i = 0; i < 16; i++) {
      const s = net.connect(q.port, '127.0.0.1');
      s.on('error', () => {});
      await new Promise((done) => s.once('connect', done));
      open.push(s);
    }
    await sleep(200);
    const turned = await rawRequest(q, request(q, 'GET /healthz HTTP/1.1'), { untilClose: true });
    assert.ok(turned.closed);
    assert.strictEqual(turned.responses.length, 1, turned.text);
    assert.strictEqual(turned.responses[0].status, 503);
    assert.ok(turned.responses[0].headers['retry-after']);
    assert.notStrictEqual(turned.responses[0].body, '');
    open.forEach((s) => s.destroy());
    await sleep(200);
    assert.strictEqual((await send(q, request(q, 'GET /healthz HTTP/1.1'))).status, 200);
  });

  test('without descriptors the server lives, and serves again afterwards', async () => {
    const r = await startPostern({ settings: { connections_max: 10000 } });
    const { execFileSync } = require('node:child_process');
    try {
      execFileSync('prlimit', ['--pid', String(r.networkPid), '--nofile=64:64']);
      const open = Array.from({ length: 100 }, () => {
        const s = net.connect(r.port, '127.0.0.1');
        s.on('error', () => {});
        return s;
      });
      await sleep(300);
      const cpu = () => require('node:fs').readFileSync(`/proc/${r.networkPid}/stat`, 'utf8')
        .split(' ').slice(13, 15).reduce((a, b) => a + Number(b), 0);
      const start = cpu();
      await sleep(1000);
      assert.ok(cpu() - start < 30, `a busy loop: ${cpu() - start} ticks in a second`);
      open.forEach((s) => s.destroy());
      await sleep(300);
      assert.strictEqual((await send(r, request(r, 'GET /healthz HTTP/1.1'))).status, 200);
    } finally {
      await r.stop();
    }
  });
});

describe('stopping', () => {
  test('what was accepted is answered, nothing new is, and the exit is 0', async () => {
    const q = await startPostern();
    const c = await makeClient(q, { extra: ['--token-format', 'opaque'] });
    const body = 'grant_type=client_credentials';
    const bytes = post(q, '/oauth2/token', FORM, body, [`Authorization: ${c.authorization}`]);
    const socket = net.connect(q.port, '127.0.0.1');
    let text = '';
    let closed = false;
    socket.setEncoding('latin1').on('data', (t) => { text += t; });
    socket.on('close', () => { closed = true; });
    socket.write(bytes.slice(0, -5));
    await sleep(200);
    const stopped = q.stop();
    await sleep(300);
    await assert.rejects(new Promise((done, failed) => {
      net.connect(q.port, '127.0.0.1').on('connect', done).on('error', failed);
    }), /ECONNREFUSED/);
    socket.write(bytes.slice(-5));
    for (let i = 0; i < 150 && !closed; i++) await sleep(20);
    const [answer] = splitResponses(text);
    assert.strictEqual(answer && answer.status, 200, text);
    assert.strictEqual(answer.headers.connection, 'close');
    assert.ok(closed);
    assert.strictEqual(await stopped, 0);
  });

  test('idle connections do not hold a stop up', async () => {
    const q = await startPostern();
    const idle = net.connect(q.port, '127.0.0.1');
    idle.write(request(q, 'GET /healthz HTTP/1.1'));
    idle.on('error', () => {});
    await new Promise((done) => idle.once('data', done));
    const start = Date.now();
    assert.strictEqual(await q.stop(), 0);
    assert.ok(Date.now() - start < 5000);
    idle.destroy();
  });

  test('a stop under load answers every request that it took', async () => {
    const q = await startPostern();
    const c = await makeTwineClient(q);
    const body = JSON.stringify({ grant_type: 'client_credentials', client_id: c.id,
      client_secret: c.secret });
    const outcomes = { answered: 0, reset: 0 };
    const worker = async () => {
      for (;;) {
        const r = await rawRequest(q, post(q, TWINE.path, 'application/json', body));
        if (r.responses.length === 1 && r.responses[0].status < 300) outcomes.answered++;
        else if (r.text === '') return;
        else assert.fail(`half an answer: ${r.text}`);
      }
    };
    const workers = Array.from({ length: 8 }, worker);
    await sleep(500);
    assert.strictEqual(await q.stop(), 0);
    await Promise.all(workers);
    assert.ok(outcomes.answered > 50, JSON.stringify(outcomes));
  });
});
