'use strict';
// A server's own secrets, as only someone has them who holds database and master key file; and which
// of its processes talks to clients.

const fs = require('node:fs');
const { signingKeys } = require('../../spec/lib/keys.js');

function children(pid) {
  try {
    return fs.readdirSync(`/proc/${pid}/task`).flatMap((t) =>
      fs.readFileSync(`/proc/${pid}/task/${t}/children`, 'utf8').split(' ').filter(Boolean));
  } catch {
    return [];
  }
}

const nameOf = (pid) => fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim();

// postern-net, or the server itself when it is one process.
function networkProcess(pid) {
  return children(pid).find((c) => nameOf(c) === 'postern-net') || pid;
}

// [[text in Latin-1, kind]]: the master key, and the private numbers of the signing keys.
function keysOf(p) {
  const list = [];
  if (!fs.existsSync(p.masterKey)) return list;
  for (const line of fs.readFileSync(p.masterKey, 'utf8').split('\n').filter(Boolean)) {
    const text = line.split(':')[1];
    if (text) list.push([text, 'master_key']);
  }
  try {
    for (const k of signingKeys(p)) {
      const jwk = k.privateKey.export({ format: 'jwk' });
      for (const part of ['d', 'p', 'q']) if (jwk[part]) list.push([jwk[part], `signing_key_${part}`]);
    }
  } catch {
    // a test that broke its key file or its store on purpose
  }
  return list;
}

module.exports = { keysOf, networkProcess, children, nameOf };
