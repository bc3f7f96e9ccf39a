'use strict';
// A server with an organization, a person and clients for which people sign in, for the tests of
// published relying parties.
//
//     const w = await startWorld({ settings });
//     w.p, w.org, w.user             the server; what `org create`, `user create` printed
//     await w.client('name', ['--public', ...])      client create with a redirect URI
//     w.person()                     a Person who knows the password
//     await w.discover(client, { auth, metadata })   a Configuration of openid-client

const { startPostern } = require('./postern');
const { Person } = require('./person');

const PASSWORD = 'correct horse battery staple 7';
const REDIRECT = 'https://app.example/cb';
const CLAIMS = ['name=Ada Lovelace', 'given_name=Ada', 'family_name=Lovelace', 'middle_name=King',
  'nickname=Ada', 'profile=https://example.com/ada', 'picture=https://example.com/ada.png',
  'website=https://example.com', 'gender=female', 'birthdate=1815-12-10',
  'zoneinfo=Europe/London', 'locale=en-GB', 'phone_number=+44 20 7946 0000',
  'phone_number_verified:=true',
  'address:={"street_address":"12 St James Square","locality":"London","country":"UK"}'];

class World {
  async start(options) {
    this.p = await startPostern(options);
    this.org = await this.p.cli(['org', 'create', '--name', 'Analytical Engines']);
    this.user = await this.addUser('ada', CLAIMS.flatMap((c) => ['--claim', c]));
    return this;
  }

  async addUser(username, more = []) {
    return this.p.cli(['user', 'create', '--org', this.org.id, '--username', username,
      '--email', `${username}@example.com`, '--email-verified', '--password-stdin', ...more],
    { input: PASSWORD });
  }

  client(name, more = [], redirect = REDIRECT) {
    return this.p.cli(['client', 'create', '--org', this.org.id, '--name', name,
      '--redirect-uri', redirect, '--grant', 'authorization_code', '--grant', 'refresh_token',
      '--scope', 'openid profile email address phone offline_access', ...more]);
  }

  person(login = 'ada') {
    return new Person(this.p, { login, password: PASSWORD });
  }

  async discover(client, { auth, metadata = {} } = {}) {
    const oc = await import('openid-client');
    return oc.discovery(new URL(this.p.url), client.client_id, metadata,
      auth || oc.ClientSecretBasic(client.client_secret),
      { execute: [oc.allowInsecureRequests] });
  }

  stop() {
    return this.p.stop();
  }
}

const startWorld = (options = {}) => new World().start(options);

module.exports = { startWorld, PASSWORD, REDIRECT };
