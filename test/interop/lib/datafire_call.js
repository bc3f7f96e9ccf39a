'use strict';
// One DataFire operation, in a process of its own: a second one in the same process dies of an
// ajv id clash inside DataFire. argv: host, access token, operation, input as JSON. Prints JSON.

const [host, access_token, operation, input] = process.argv.slice(2);
const twine = require('@datafire/twinehealth').create({ access_token, host });

twine[operation](JSON.parse(input)).then(
  (result) => console.log(JSON.stringify({ result })),
  (e) => console.log(JSON.stringify({ error: e.message, status: e.statusCode, body: e.body })));
