'use strict';
// Secrets out of what goes by, and all the shapes in which they might lie around.
//
//     const n = new Needles();
//     n.read(text)               a piece of a request, an answer, or what a command printed
//     n.typed(args, input)       what a command read
//     n.write(file, more, canaries)      for test/torture/search.c
//
// A secret is: a handle (codes, tokens, sessions, ...: its 20 random bytes), a signature of a JWT,
// a client secret, password, user code, sealed form field, flow cookie, auth token, or the keys of the
// server. Shapes: as it is, hex in both cases, base64 and base64url in each of the three ways in
// which its bytes can fall into groups of three; and, if it is base64url itself, the bytes it stands
// for, as they are and in hex.

const fs = require('node:fs');

const LEAST = 9; // a user code with its hyphen
const NAMES = ['client_secret', 'password', 'current_password', 'new_password', 'present', 'fresh',
  'user_code', 'csrf', 'flow', 'device', 'logout', 'code_verifier', 'access_token', 'refresh_token',
  'device_code', 'auth_token', 'token', 'secret', 'clientSecret', 'UserCode'].join('|');
const FORM = new RegExp(`(?:^|[&?\\s])(${NAMES})=([^&\\s]+)`, 'g');
const JSON_MEMBER = new RegExp(`"(${NAMES})"\\s*:\\s*"([^"\\\\]+)"`, 'g');
const INPUT = new RegExp(`name="(${NAMES})" value="([^"]+)"`, 'g');
const HANDLE = /pst[a-z]_([A-Za-z0-9_-]{43})/g;
const JWT = /(eyJ[\w-]+)\.[\w-]+\.([\w-]{40,})/g;
const BASIC = /authorization: *basic +([A-Za-z0-9+/=]+)/gi;
const FLOW_COOKIE = /postern-flow=([\w-]{16,})/g;

// What tests send as nonsense, and what is written everywhere, is no secret.
function isSecret(text) {
  return text.length >= LEAST && new Set(text).size >= 7 &&
    !/^(\S+@\S+$|https?:|urn:|wrong|invalid|[a-z_ -]{1,24}$|[0-9a-f]{8}-[0-9a-f]{4}-0)/i.test(text);
}

// One of the audit log is made to be shown, and opens nothing.
const isCheckpoint = (header) =>
  Buffer.from(header, 'base64url').toString('latin1').includes('"audit-checkpoint+jwt"');

function plain(text) {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '));
  } catch {
    return text;
  }
}

class Needles {
  constructor() {
    this.all = new Map(); // text -> kind
  }

  get count() {
    return this.all.size;
  }

  add(kind, text) {
    if (isSecret(text) && !this.all.has(text)) this.all.set(text, kind);
  }

  read(text) {
    for (const [, tail] of text.matchAll(HANDLE)) this.add('handle', tail.slice(16));
    for (const [, header, signature] of text.matchAll(JWT)) {
      if (!isCheckpoint(header)) this.add('signature', signature);
    }
    for (const [, pair] of text.matchAll(BASIC)) {
      const both = Buffer.from(pair, 'base64').toString('latin1');
      if (both.includes(':')) this.add('basic_secret', plain(both.slice(both.indexOf(':') + 1)));
    }
    for (const [, value] of text.matchAll(FLOW_COOKIE)) this.add('flow_cookie', value);
    for (const [pattern, decode] of [[FORM, plain], [JSON_MEMBER, String], [INPUT, String]]) {
      for (const [, name, raw] of text.matchAll(pattern)) this.named(name, decode(raw));
    }
  }

  // Handles and JWTs have been found already: their public parts are no secrets.
  named(name, value) {
    if (!/^pst[a-z]_|^eyJ/.test(value)) this.add(name, value);
  }

  typed(args, input) {
    if (args.some((a) => /secret-stdin|password-stdin/.test(a))) this.add('typed', input.trim());
  }

  write(file, more, canaries) {
    const lines = new Map();
    for (const [text, kind] of [...this.all, ...more]) shapes(kind, Buffer.from(text, 'latin1'), lines);
    for (const [place, text] of Object.entries(canaries)) {
      lines.set(Buffer.from(text).toString('hex'), `canary_${place}`);
    }
    this.written = lines.size;
    fs.writeFileSync(file, [...lines].map(([hex, kind]) => `${kind} ${hex}\n`).join(''));
  }
}

function shapes(kind, bytes, out) {
  const put = (how, b) => { if (b.length >= 8) out.set(b.toString('hex'), `${kind}/${how}`); };
  const text = bytes.toString('latin1');
  put('raw', bytes);
  put('hex', Buffer.from(bytes.toString('hex')));
  put('HEX', Buffer.from(bytes.toString('hex').toUpperCase()));
  for (let shift = 0; shift < 3; shift++) {
    // the groups that hold bytes of it alone
    const whole = bytes.subarray(shift, shift + Math.floor((bytes.length - shift) / 3) * 3);
    put('base64', Buffer.from(whole.toString('base64')));
    put('base64url', Buffer.from(whole.toString('base64url')));
  }
  if (/^[\w-]{22,}$/.test(text)) {
    const meant = Buffer.from(text, 'base64url');
    put('bytes', meant);
    put('bytes_hex', Buffer.from(meant.toString('hex')));
  }
}

module.exports = { Needles };
