'use strict';
// The ledger itself: it sees a lost token, a lost revocation, and a token that was spent twice.

const { test, before, after } = require('node:test');
const assert = require('node:assert/strict');
const { startPostgres } = require('./lib/postgres.js');
const { scene } = require('./lib/scene.js');

let pg;
before(async () => { pg = await startPostgres(); });
after(() => pg.remove());

// What a database that loses acknowledged transactions would look like.
const losses = {
  'tokens are lost': ['DELETE FROM token', /is not active|gave 401|gave 400/],
  'revocations are lost': ['DELETE FROM grants', /that is revoked (is active|gave 200)/],
  'a spent token is as new': ['UPDATE token SET spent_s = 0, successor = NULL', /two successors/],
};

// From now on each line holds the token before the last again, as if nothing had come of it.
function presentAgain(ledger) {
  const before = new Map([...ledger.successors].map(([spent, next]) => [next, spent]));
  for (const f of ledger.families) f.refresh = before.get(f.refresh) ?? f.refresh;
}

for (const [name, [statement, finds]] of Object.entries(losses)) {
  test(`it finds out when ${name}`, () => assert.rejects(
    scene(pg, { nodes: 1 }, async (s) => {
      await s.load(1500);
      await s.ledger.stop();
      await pg.sql(s.database, statement);
      await s.nodes[0].restart();
      if (name.startsWith('a spent token')) presentAgain(s.ledger);
    }), finds));
}
