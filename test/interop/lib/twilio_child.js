'use strict';
// The unmodified helper library in a process of its own, since it reads the proxy and the CA from
// the environment when it is loaded. stdin: { package, id, secret, calls }. Prints JSON:
// { results: [...] } or { error, status, code }.

const chunks = [];
process.stdin.on('data', (d) => chunks.push(d));
process.stdin.on('end', async () => {
  const input = JSON.parse(Buffer.concat(chunks));
  const twilio = require(input.package);
  const provider = new twilio.ClientCredentialProviderBuilder()
    .setClientId(input.id).setClientSecret(input.secret).build();
  const client = twilio();
  client.setCredentialProvider(provider);
  client.setAccountSid(input.account);
  try {
    const results = [];
    for (let i = 0; i < input.calls; i++) {
      const account = await client.api.v2010.accounts(input.account).fetch();
      results.push(account.friendlyName);
    }
    console.log(JSON.stringify({ results }));
  } catch (e) {
    console.log(JSON.stringify({ error: e.message, status: e.status, code: e.code }));
  }
});
