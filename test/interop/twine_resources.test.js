'use strict';
// The resources that a Twine token points to: bearer rules, reach, lists and their pages.

const assert = require('node:assert/strict');
const { test, before, after } = require('node:test');
const { startPostern, makeTwineClient, rawRequest, sleep } = require('./lib/postern');
const { faketime } = require('./lib/faketime');
const { VND, PLAIN, UUID, ID, request, assertSchema, assertRefusal, credentials, postToken, newToken,
  get, postGroup } = require('./lib/twine');

let p, org, named, wide, foreign, t, wt, ft;

before(async () => {
  p = await startPostern();
  named = await makeTwineClient(p, { groups: ['One', 'Two'] });
  org = named.organization;
  wide = await makeTwineClient(p, { org, groups: ['Three'], named: false });
  foreign = await makeTwineClient(p, { groups: ['Elsewhere'] });
  [t, wt, ft] = [await newToken(p, named), await newToken(p, wide), await newToken(p, foreign)];
});
after(() => p.stop());

const resource = (g) => ({
  type: 'group', id: g.id, attributes: { name: g.name }, links: { self: `/pub/group/${g.id}` },
});
const ids = (res) => res.json.data.map((g) => g.id);

function assertDocument(res, members, count) {
  assert.equal(res.status, 200, res.text);
  assert.equal(res.headers['content-type'], VND);
  assert.deepEqual(Object.keys(res.json), members);
  assert.match(res.json.meta.req_id, UUID);
  assert.equal(res.json.meta.count, count);
}

test('the groups of a token', async () => {
  const path = `/pub/oauth/token/${t.id}/groups`;
  const res = await get(p, path, t.access_token);
  assertDocument(res, ['meta', 'links', 'data'], 2);
  assertSchema('FetchGroupsResponse', res.json);
  assert.deepEqual(res.json.links, { self: path });
  assert.deepEqual(res.json.data, named.groups.map(resource));
});

test('the organization of a token, and by its id', async () => {
  for (const path of [`/pub/oauth/token/${t.id}/organization`, `/pub/organization/${org.id}`]) {
    const res = await get(p, path, t.access_token);
    assertDocument(res, ['meta', 'data'], undefined);
    assertSchema('FetchOrganizationResponse', res.json);
    assert.deepEqual(res.json.data, {
      type: 'organization', id: org.id, attributes: { name: org.name },
      links: { self: `/pub/organization/${org.id}` },
    });
  }
});

test('a group', async () => {
  const g = named.groups[0];
  const res = await get(p, `/pub/group/${g.id}`, t.access_token);
  assertDocument(res, ['meta', 'data'], undefined);
  assertSchema('FetchGroupResponse', res.json);
  assert.deepEqual(res.json.data, resource(g));
});

test('req_id is fresh for each request', async () => {
  const seen = new Set();
  for (let i = 0; i < 5; i++) {
    seen.add((await get(p, `/pub/organization/${org.id}`, t.access_token)).json.meta.req_id);
  }
  assert.equal(seen.size, 5);
});

test('application/json when nothing else is accepted', async () => {
  const res = await get(p, `/pub/organization/${org.id}`, t.access_token, { accept: PLAIN });
  assert.equal(res.status, 200);
  assert.equal(res.headers['content-type'], PLAIN);
});

const everywhere = () => [`/pub/oauth/token/${t.id}/groups`, `/pub/oauth/token/${t.id}/organization`,
  `/pub/organization/${org.id}`, `/pub/group?filter[organization]=${org.id}`, '/pub/group',
  `/pub/group/${named.groups[0].id}`, '/pub/group/malformed'];

test('no valid bearer token: 401 before anything else', async () => {
  const jwt = await p.cli(['client', 'create', '--org', org.id, '--name', 'Standard',
    '--grant', 'client_credentials', '--scope', 'group organization']);
  const standard = await request(p, 'POST', '/oauth2/token', {
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: 'Basic ' +
        Buffer.from(`${jwt.client_id}:${jwt.client_secret}`).toString('base64'),
    },
    body: 'grant_type=client_credentials',
  });
  assert.equal(standard.status, 200, standard.text);
  for (const path of everywhere()) {
    for (const [value, sent] of [[undefined, false], ['', false], ['Bearer', false],
      ['Basic eDp5', false], [`Basic ${t.access_token}`, false], ['Bearer x', true],
      [`Bearer ${t.refresh_token}`, true], [`Bearer ${t.access_token}x`, true],
      [`Bearer ${t.access_token.slice(0, -1)}`, true], [`Bearer ${standard.json.access_token}`, true],
      [`Bearer ${t.access_token}, Bearer x`, true]]) {
      const res = await request(p, 'GET', path,
        { headers: value === undefined ? {} : { authorization: value } });
      assertRefusal(res, 401, 'Unauthorized');
      assert.equal(res.json.errors[0].detail, 'A valid bearer token is required');
      assert.equal(res.headers['www-authenticate'],
        sent ? 'Bearer realm="twine", error="invalid_token"' : 'Bearer realm="twine"');
    }
  }
  const query = await get(p, `/pub/organization/${org.id}?access_token=${t.access_token}`);
  assertRefusal(query, 401, 'Unauthorized');
});

test('an opaque token of the standard dialect is none here; Twine tokens are known there', async () => {
  const made = await p.cli(['client', 'create', '--org', org.id, '--name', 'Opaque',
    '--token-format', 'opaque', '--scope', 'group organization']);
  const form = (path, c, body) => request(p, 'POST', path, {
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: 'Basic ' + Buffer.from(`${c.id}:${c.secret}`).toString('base64'),
    },
    body,
  });
  const opaque = await form('/oauth2/token', { id: made.client_id, secret: made.client_secret },
    'grant_type=client_credentials');
  assert.equal(opaque.status, 200, opaque.text);
  assertRefusal(await get(p, `/pub/organization/${org.id}`, opaque.json.access_token),
    401, 'Unauthorized');
  const k = await newToken(p, named);
  const known = await form('/oauth2/introspect', named, `token=${k.access_token}`);
  assert.equal(known.json.active, true, known.text);
  assert.equal(known.json.client_id, named.id);
  assert.equal(known.json.scope, 'group organization');
  const revoked = await form('/oauth2/revoke', named, `token=${k.access_token}`);
  assert.equal(revoked.status, 200);
  assertRefusal(await get(p, `/pub/organization/${org.id}`, k.access_token), 401, 'Unauthorized');
});

test('a client with more groups than are kept in memory', async () => {
  const many = await makeTwineClient(p, { groups: Array.from({ length: 40 }, (_, i) => `M${i}`) });
  const hidden = await p.cli(['group', 'create', '--org', many.organization.id, '--name', 'Hidden']);
  const want = many.groups.map((g) => g.id);
  const res = await postToken(p, credentials(many));
  assert.deepEqual(res.json.data.relationships.groups.data.map((g) => g.id), want);
  const token = res.json.data.attributes.access_token;
  assert.equal((await get(p, `/pub/group/${want[39]}`, token)).status, 200);
  assertRefusal(await get(p, `/pub/group/${hidden.id}`, token), 403, 'Forbidden');
  assertRefusal(await get(p, `/pub/group/${named.groups[0].id}`, token), 403, 'Forbidden');
  const list = await get(p, `/pub/oauth/token/${res.json.data.id}/groups`, token);
  assert.deepEqual(ids(list), want);
});

test('the scheme has no case; two Authorization headers are none', async () => {
  const res = await request(p, 'GET', `/pub/organization/${org.id}`,
    { headers: { authorization: `bEaReR ${t.access_token}` } });
  assert.equal(res.status, 200);
  const line = `Authorization: Bearer ${t.access_token}\r\n`;
  const raw = await rawRequest(p,
    `GET /pub/organization/${org.id} HTTP/1.1\r\nHost: 127.0.0.1\r\n${line}${line}\r\n`);
  assert.equal(raw.responses[0].status, 401);
});

test('scopes: group for groups, organization for organizations', async () => {
  for (const [scope, has, lacks] of [
    ['group', ['groups', 'list', 'group'], ['organization', 'org']],
    ['organization', ['organization', 'org'], ['groups', 'list', 'group']]]) {
    const c = await makeTwineClient(p, { org, groups: [], named: false, scope });
    const k = await newToken(p, c);
    const paths = {
      groups: `/pub/oauth/token/${k.id}/groups`,
      organization: `/pub/oauth/token/${k.id}/organization`,
      org: `/pub/organization/${org.id}`,
      list: `/pub/group?filter[organization]=${org.id}`,
      group: `/pub/group/${named.groups[0].id}`,
    };
    for (const name of has) {
      assert.equal((await get(p, paths[name], k.access_token)).status, 200, `${scope} ${name}`);
    }
    for (const name of lacks) {
      assertRefusal(await get(p, paths[name], k.access_token), 403, 'Forbidden');
    }
  }
});

test('token ids: own and siblings 200; all others 403 alike; malformed 404', async () => {
  const sibling = await newToken(p, named);
  for (const what of ['groups', 'organization']) {
    const of = (id) => get(p, `/pub/oauth/token/${id}/${what}`, t.access_token);
    assert.equal((await of(sibling.id)).status, 200);
    const texts = new Set();
    for (const id of [wt.id, ft.id, '0'.repeat(24), '5817a24d678a7c2cbf5df3ee']) {
      const res = await of(id);
      assertRefusal(res, 403, 'Forbidden');
      texts.add(res.json.errors[0].detail);
    }
    assert.equal(texts.size, 1);
    for (const id of ['x', t.id.toUpperCase().replace(/\d/g, 'A'), t.id + '0', t.id.slice(1),
      `%3${t.id[0]}${t.id.slice(1)}`]) {
      assertRefusal(await of(id), 404, 'ResourceNotFound');
    }
  }
});

test('organizations and groups: out of reach and unknown are alike', async () => {
  for (const [kind, other] of [['organization', foreign.organization], ['group', foreign.groups[0]]]) {
    const texts = new Set();
    for (const id of [other.id, 'f'.repeat(24)]) {
      const res = await get(p, `/pub/${kind}/${id}`, t.access_token);
      assertRefusal(res, 403, 'Forbidden');
      texts.add(res.json.errors[0].detail);
    }
    assert.equal(texts.size, 1);
    assertRefusal(await get(p, `/pub/${kind}/zz`, t.access_token), 404, 'ResourceNotFound');
  }
  const third = wide.groups[0].id;
  assertRefusal(await get(p, `/pub/group/${third}`, t.access_token), 403, 'Forbidden');
  assert.equal((await get(p, `/pub/group/${third}`, wt.access_token)).status, 200);
});

test('HEAD is GET without a body', async () => {
  const path = `/pub/organization/${org.id}`;
  const res = await request(p, 'HEAD', path, { headers: { authorization: `Bearer ${t.access_token}` } });
  assert.equal(res.status, 200);
  assert.equal(res.text, '');
  const full = await get(p, path, t.access_token);
  assert.equal(res.headers['content-length'], String(Buffer.byteLength(full.text)));
});

test('methods that a path does not take', async () => {
  for (const [path, allow] of [['/pub/group', 'GET, HEAD, POST'], [`/pub/group/${org.id}`, 'GET, HEAD'],
    [`/pub/organization/${org.id}`, 'GET, HEAD']]) {
    const res = await request(p, 'DELETE', path);
    assertRefusal(res, 405, 'ResourceNotFound');
    assert.equal(res.headers.allow, allow);
  }
});

test('a list without a page is whole', async () => {
  const target = `/pub/group?filter[organization]=${org.id}`;
  const res = await get(p, target, t.access_token);
  assertDocument(res, ['meta', 'links', 'data'], 2);
  assertSchema('FetchGroupsResponse', res.json);
  assert.deepEqual(res.json.data, named.groups.map(resource));
  assert.deepEqual(res.json.links, { self: target });
  const encoded = await get(p, target.replace('[', '%5B').replace(']', '%5D'), t.access_token);
  assert.deepEqual(encoded.json.links, { self: target });
  assert.deepEqual(encoded.json.data, res.json.data);
});

test('filters', async () => {
  const base = `/pub/group?filter[organization]=${org.id}`;
  let res = await get(p, `${base}&filter[name]=Two`, t.access_token);
  assert.deepEqual(ids(res), [named.groups.find((g) => g.name === 'Two').id]);
  assert.equal(res.json.meta.count, 1);
  for (const name of ['two', 'Tw', 'Three', 'Elsewhere', '%25', '']) {
    res = await get(p, `${base}&filter[name]=${name}`, t.access_token);
    assert.deepEqual([res.status, res.json.meta.count, res.json.data], [200, 0, []], name);
  }
  res = await get(p, `${base}&unknown=1&page[what]=2`, t.access_token);
  assert.equal(res.json.meta.count, 2);
  const bad = (query, parameter) => get(p, `/pub/group${query}`, t.access_token)
    .then((r) => assertRefusal(r, 409, 'InvalidParameter', { parameter }));
  await bad('', 'filter[organization]');
  await bad('?filter[name]=One', 'filter[organization]');
  await bad('?filter[organization]=', 'filter[organization]');
  await bad('?filter[organization]=xyz', 'filter[organization]');
  await bad(`?filter[organization]=${org.id}&filter%5Borganization%5D=${org.id}`,
    'filter[organization]');
  await bad(`?filter[organization]=${org.id}&filter[name]=a&filter[name]=a`, 'filter[name]');
  assertRefusal(await get(p, `/pub/group?filter[organization]=${foreign.organization.id}`,
    t.access_token), 403, 'Forbidden');
  assertRefusal(await get(p, '/pub/group?a=%zz', t.access_token), 409, 'InvalidParameter');
});

test('a name with every sort of character comes back in links', async () => {
  const name = 'a&b=c d+e%20"\\/\u00e9[1]';
  const g = (await postGroup(p, wt.access_token, { name })).json.data;
  const target = `/pub/group?filter[organization]=${org.id}&filter[name]=` +
    encodeURIComponent(name) + '&page[size]=1';
  const res = await get(p, target, wt.access_token);
  assert.deepEqual(ids(res), [g.id]);
  const again = await get(p, res.json.links.last, wt.access_token);
  assert.deepEqual(ids(again), [g.id]);
});

test('pages by number', async () => {
  const big = await makeTwineClient(p, { groups: Array.from({ length: 23 }, (_, i) => `G${i}`) });
  const k = await newToken(p, big);
  const base = `/pub/group?filter[organization]=${big.organization.id}`;
  const page = (n, size) => `${base}&page[number]=${n}&page[size]=${size}`;
  const want = big.groups.map((g) => g.id);
  let res = await get(p, `${base}&page[number]=1`, k.access_token);
  assertDocument(res, ['meta', 'links', 'data'], 23);
  assert.deepEqual(ids(res), want.slice(0, 10));
  assert.deepEqual(res.json.links,
    { self: `${base}&page[number]=1`, next: page(2, 10), last: page(3, 10) });
  res = await get(p, page(2, 3), k.access_token);
  assert.deepEqual(ids(res), want.slice(3, 6));
  assert.deepEqual(res.json.links, {
    self: page(2, 3), first: page(1, 3), prev: page(1, 3), next: page(3, 3), last: page(8, 3),
  });
  res = await get(p, res.json.links.last, k.access_token);
  assert.deepEqual(ids(res), want.slice(21));
  assert.equal('next' in res.json.links, false);
  const all = [];
  for (let next = page(1, 5); next; next = res.json.links.next) {
    res = await get(p, next, k.access_token);
    all.push(...ids(res));
  }
  assert.deepEqual(all, want);
  res = await get(p, `${base}&page[size]=0`, k.access_token);
  assert.deepEqual([res.status, res.json.meta.count, res.json.data], [200, 23, []]);
  res = await get(p, `${base}&page[size]=50`, k.access_token);
  assert.deepEqual(ids(res), want);
});

test('pages by cursor', async () => {
  const big = await makeTwineClient(p, { groups: ['a', 'b', 'c', 'd', 'e'], named: false });
  const k = await newToken(p, big);
  const base = `/pub/group?filter[organization]=${big.organization.id}`;
  const want = big.groups.map((g) => g.id);
  let res = await get(p, `${base}&page[limit]=2`, k.access_token);
  assertDocument(res, ['meta', 'links', 'data'], 5);
  assert.deepEqual(ids(res), want.slice(0, 2));
  assert.deepEqual(Object.keys(res.json.links), ['self', 'next']);
  assert.ok(res.json.links.next.startsWith(`${base}&page[limit]=2&page[after]=`));
  const all = [];
  for (let next = `${base}&page[limit]=2`; next; next = res.json.links.next) {
    res = await get(p, next, k.access_token);
    assert.equal(res.json.meta.count, 5);
    all.push(...ids(res));
  }
  assert.deepEqual(all, want);
  res = await get(p, `${base}&page[limit]=5`, k.access_token);
  assert.equal('next' in res.json.links, false);
  res = await get(p, `${base}&page[cursor]=${want[2]}`, k.access_token);
  assert.deepEqual(ids(res), want.slice(3));
  res = await get(p, `${base}&page[limit]=0`, k.access_token);
  assert.deepEqual([res.status, res.json.meta.count, res.json.data], [200, 5, []]);
  assert.deepEqual(Object.keys(res.json.links), ['self']);
});

test('pages that are none', async () => {
  const base = `/pub/group?filter[organization]=${org.id}`;
  const cases = [
    ['page[number]=0', 'page[number]'], ['page[number]=-1', 'page[number]'],
    ['page[number]=x', 'page[number]'], ['page[number]=', 'page[number]'],
    ['page[number]=1.5', 'page[number]'], ['page[number]=99999999999999999999', 'page[number]'],
    ['page[number]=4', 'page[number]'], ['page[size]=51', 'page[size]'],
    ['page[size]=-1', 'page[size]'], ['page[size]=%2B1', 'page[size]'],
    ['page[limit]=-1', 'page[limit]'], ['page[limit]=x', 'page[limit]'],
    ['page[after]=x', 'page[after]'], ['page[cursor]=', 'page[cursor]'],
    ['page[size]=1&page[size]=1', 'page[size]'], ['page[limit]=1&page[limit]=2', 'page[limit]'],
    [`page[after]=${org.id}&page[cursor]=${org.id}`, 'page[cursor]'],
    ['page[size]=1&page[limit]=1', 'page[size]'], ['page[number]=1&page[limit]=1', 'page[number]'],
    [`page[number]=1&page[after]=${org.id}`, 'page[number]'],
  ];
  for (const [query, parameter] of cases) {
    const res = await get(p, `${base}&${query}`, t.access_token);
    assertRefusal(res, 409, 'InvalidParameter', { parameter });
  }
});

test('a group is made in the organization of the token', async () => {
  const asked = { name: 'New "Group" \u00e9', bio: 'Team\nHealth' };
  for (const media of [VND, PLAIN, 'application/json; charset=utf-8']) {
    const res = await postGroup(p, wt.access_token, asked,
      { media, data: { id: '57b36e3c04ad8c2224f2af38' } });
    assert.equal(res.status, 201, res.text);
    assert.equal(res.headers['content-type'], VND);
    assertSchema('CreateGroupResponse', res.json);
    assert.deepEqual(Object.keys(res.json), ['meta', 'data']);
    const g = res.json.data;
    assert.match(g.id, ID);
    assert.notEqual(g.id, '57b36e3c04ad8c2224f2af38');
    assert.deepEqual(g.attributes, asked);
    assert.deepEqual(g.links, { self: `/pub/group/${g.id}` });
    assert.equal(res.headers.location, g.links.self);
    const back = await get(p, g.links.self, wt.access_token);
    assert.deepEqual(back.json.data, g);
    assertRefusal(await get(p, g.links.self, t.access_token), 403, 'Forbidden');
    assertRefusal(await get(p, g.links.self, ft.access_token), 403, 'Forbidden');
    const list = await get(p, `/pub/oauth/token/${wt.id}/groups`, wt.access_token);
    assert.ok(ids(list).includes(g.id));
  }
  const plain = await postGroup(p, wt.access_token, { name: 'No bio', bio: null });
  assert.deepEqual(plain.json.data.attributes, { name: 'No bio' });
});

test('groups that cannot be made', async () => {
  const bad = async (attributes, pointer, more) => assertRefusal(
    await postGroup(p, wt.access_token, attributes, more), 409, 'InvalidBodyParameter', { pointer });
  await bad({}, '/data/attributes/name');
  await bad({ name: '' }, '/data/attributes/name');
  await bad({ name: null }, '/data/attributes/name');
  await bad({ name: 5 }, '/data/attributes/name');
  await bad({ name: 'x'.repeat(201) }, '/data/attributes/name');
  await bad({ name: '\u00e9'.repeat(101) }, '/data/attributes/name');
  await bad({ name: 'x', bio: 5 }, '/data/attributes/bio');
  await bad({ name: 'x', bio: 'y'.repeat(1501) }, '/data/attributes/bio');
  await bad({ name: 'a\u0001' }, '/data/attributes/name');
  await bad({ name: 'a\n' }, '/data/attributes/name');
  await bad({ name: 'x', bio: 'a\u001b[31m' }, '/data/attributes/bio');
  await bad({ name: 'x', bio: '\u007f' }, '/data/attributes/bio');
  await bad({ name: 'x\u202etxt', bio: null }, '/data/attributes/name');
  await bad({ name: 'x', bio: 'a\u2066b' }, '/data/attributes/bio');
  await bad({ name: 'x' }, '/data/type', { type: 'patient' });
  await bad('x', '/data/attributes');
  await bad(undefined, '/data/attributes');
  const post = (body, type) => request(p, 'POST', '/pub/group',
    { headers: { authorization: `Bearer ${wt.access_token}`, ...type }, body });
  assertRefusal(await post({ name: 'x' }, { 'content-type': PLAIN }),
    409, 'InvalidBodyParameter', { pointer: '/data' });
  assertRefusal(await post('{', { 'content-type': VND }),
    409, 'InvalidBodyParameter', { pointer: '' });
  for (const type of [{}, { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' }]) {
    assertRefusal(await post('{', type), 403, 'Forbidden');
  }
  assertRefusal(await request(p, 'POST', '/pub/group', { headers: { 'content-type': VND }, body: '{' }),
    401, 'Unauthorized');
  const edge = await postGroup(p, wt.access_token, { name: 'x'.repeat(200), bio: 'y\n\t\r'.repeat(375) });
  assert.equal(edge.status, 201);
});

// Resolves to the first answer of `ask` that satisfies `good`: the server learns of other
// processes' changes by polling.
async function eventually(ask, good) {
  for (let i = 0; ; i++) {
    const answer = await ask();
    if (good(answer) || i === 100) return answer;
    await sleep(50);
  }
}

test('what an administrator changes is seen by living tokens', async () => {
  const c = await makeTwineClient(p, { groups: ['Before'] });
  const k = await newToken(p, c);
  const path = `/pub/oauth/token/${k.id}/groups`;
  const g = await p.cli(['group', 'create', '--org', c.organization.id, '--name', 'After']);
  assert.equal((await get(p, path, k.access_token)).json.meta.count, 1);
  await p.cli(['client', 'update', c.id, '--group', c.groups[0].id, '--group', g.id]);
  await p.cli(['group', 'update', c.groups[0].id, '--name', 'Renamed']);
  const list = await eventually(() => get(p, path, k.access_token), (r) => r.json.meta.count === 2);
  assert.deepEqual(list.json.data.map((x) => x.attributes.name).sort(), ['After', 'Renamed']);
  const related = (r) => r.json.data.relationships.groups.data;
  const token = await eventually(() => postToken(p, credentials(c)), (r) => related(r).length === 2);
  assert.equal(related(token).length, 2);
  assert.equal((await get(p, `/pub/group/${g.id}`, k.access_token)).status, 200);
  await p.cli(['group', 'delete', g.id]);
  const gone = await eventually(() => get(p, `/pub/group/${g.id}`, k.access_token),
    (r) => r.status !== 200);
  assertRefusal(gone, 403, 'Forbidden');
  const last = await eventually(() => postToken(p, credentials(c)), (r) => related(r).length === 1);
  assert.equal(related(last).length, 1);
});

test('an expired token is 401, and its id 403', async () => {
  await p.restart({ env: faketime('+50m') });
  const late = await newToken(p, named);
  await p.restart({ env: faketime('+90m') });
  assertRefusal(await get(p, `/pub/organization/${org.id}`, t.access_token), 401, 'Unauthorized');
  assertRefusal(await get(p, `/pub/oauth/token/${t.id}/groups`, late.access_token), 403, 'Forbidden');
  const own = await get(p, `/pub/oauth/token/${late.id}/groups`, late.access_token);
  assert.equal(own.status, 200, own.text);
});

test('the longest list without pages fits an answer', { timeout: 120000 }, async () => {
  const q = await startPostern();
  try {
    const c = await makeTwineClient(q, { groups: [], named: false });
    const k = await newToken(q, c);
    const worst = { name: '"'.repeat(200), bio: '\\'.repeat(1500) };
    const post = () => postGroup(q, k.access_token, worst);
    const many = async (n) => (await Promise.all(Array.from({ length: n }, post)));
    for (let i = 0; i < 33; i++) {
      for (const res of await many(30)) assert.equal(res.status, 201, res.text);
    }
    // 10 places for 30 at once: nobody passes the limit in a race
    const race = await many(30);
    assert.equal(race.filter((r) => r.status === 201).length, 10);
    for (const res of race.filter((r) => r.status !== 201)) assertRefusal(res, 403, 'Forbidden');
    assert.match((await post()).json.errors[0].detail, /1,000 groups/);
    const list = `/pub/group?filter[organization]=${c.organization.id}`;
    for (const path of [list, `/pub/oauth/token/${k.id}/groups`]) {
      const res = await get(q, path, k.access_token);
      assert.deepEqual([res.status, res.json.meta.count, res.json.data.length], [200, 1000, 1000]);
      assert.deepEqual(res.json.data[999].attributes, worst);
    }
    assert.equal((await get(q, `${list}&page[limit]=1000`, k.access_token)).json.data.length, 1000);
    const token = await postToken(q, credentials(c), { query: '?include=groups,organization' });
    assert.equal(token.status, 201, token.text);
    assert.equal(token.json.included.length, 1001);
  } finally {
    assert.equal(await q.stop(), 0);
  }
});
