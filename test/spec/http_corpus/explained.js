'use strict';
// Requests that we accept although Node or nginx refuses them, or reads them differently, and why
// that is right: name -> reader -> reason. http_corpus.test.js fails on a missing line and on one
// that is not needed.

const METHODS = 'Knows a fixed list of methods or letters. RFC 9110 9.1: any token is a method; ' +
  'an unknown one gets 405 from the route table, in the shape of the dialect.';
const DOTS = 'Normalises the path and finds that it leaves the root. We never normalise: no route ' +
  'has this path, so it is a 404 (security.md A17).';

module.exports = {
  'unknown method': { node: METHODS, nginx: METHODS },
  'line "G-T / HTTP/1.1"': { node: METHODS, nginx: METHODS },
  'line "TRACE / HTTP/1.1"': {
    nginx: 'Refuses TRACE with 405 in its core; our route table gives the same 405.',
  },
  'options of the server': {
    nginx: 'Does not know the asterisk form. RFC 9112 3.2.4 gives it to OPTIONS.',
  },
  'line "GET /../a HTTP/1.1"': { nginx: DOTS },
  'line "GET /%2e%2e/a HTTP/1.1"': { nginx: DOTS },
};
