'use strict';
// Opens each operation of the list to what the OpenAPI documents say about it.

function element(name, properties, ...children) {
  const e = document.createElement(name);
  Object.assign(e, properties);
  e.append(...children);
  return e;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

function find(api, id) {
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS) {
      if (item[method] && item[method].operationId === id) {
        return { path, method, ...item[method] };
      }
    }
  }
  return null;
}

// A schema with its references followed.
function resolve(api, schema) {
  const at = schema.$ref;
  return at ? resolve(api, api.components.schemas[at.slice(at.lastIndexOf('/') + 1)]) : schema;
}

function typeOf(schema) {
  if (schema.enum) return schema.enum.join(' | ');
  return [schema.type || 'any'].flat().join(' | ') + (schema.format ? ` (${schema.format})` : '');
}

// An example in the shape of a schema.
function sample(api, given) {
  const schema = resolve(api, given);
  if (schema.anyOf) return sample(api, schema.anyOf[0]);
  if (schema.enum) return schema.enum[schema.enum.length - 1];
  switch ([schema.type].flat()[0]) {
    case 'object': {
      const out = {};
      for (const [name, value] of Object.entries(schema.properties || {})) {
        out[name] = sample(api, value);
      }
      return out;
    }
    case 'array': return [sample(api, schema.items)];
    case 'integer': return 3600;
    case 'boolean': return true;
    default: return '…';
  }
}

function table(rows) {
  const body = element('tbody', {});
  for (const [name, need, type, help] of rows) {
    const first = element('td', {}, element('code', { textContent: name }));
    if (need) first.append(element('span', { className: 'need', textContent: 'required' }));
    body.append(element('tr', {}, first, element('td', { textContent: type }),
      element('td', { textContent: help || '' })));
  }
  return element('div', { className: 'scroll' }, element('table', {}, body));
}

function heading(text) {
  return element('h3', { textContent: text });
}

function parameterRows(api, op) {
  const rows = (op.parameters || []).map((p) => [p.name, p.required, `${p.in}, ${typeOf(p.schema)}`,
    p.description]);
  return rows;
}

const FORM = 'application/x-www-form-urlencoded';

function bodyParts(api, op) {
  if (!op.requestBody) return [];
  const parts = [];
  for (const [media, { schema }] of Object.entries(op.requestBody.content)) {
    parts.push(heading(`Body, ${media}`));
    if (media === FORM) {
      const need = schema.required || [];
      parts.push(table(Object.entries(schema.properties).map(([name, p]) =>
        [name, need.includes(name), typeOf(p), p.description])));
    } else {
      parts.push(element('pre', { textContent: JSON.stringify(sample(api, schema), null, 2) }));
    }
  }
  return parts;
}

function answerParts(api, op) {
  const rows = Object.entries(op.responses).map(([status, r]) =>
    [status, false, Object.keys(r.content || {}).join(', '), r.description]);
  const parts = [heading('Answers'), table(rows)];
  for (const [status, r] of Object.entries(op.responses)) {
    const content = Object.entries(r.content || {})[0];
    if (!status.startsWith('2') || !content) continue;
    parts.push(heading(`${status}, ${content[0]}`),
      element('pre', { textContent: JSON.stringify(sample(api, content[1].schema), null, 2) }));
    break;
  }
  return parts;
}

function curl(api, op) {
  const basic = (op.security || []).some((s) => 'basic' in s);
  const bearer = (op.security || []).some((s) => 'bearer' in s);
  const lines = [`curl ${op.method === 'get' ? '' : `-X ${op.method.toUpperCase()} `}`
    + `'${api.servers[0].url}${op.path}'`];
  if (bearer) lines.push('-H "Authorization: Bearer $TOKEN"');
  else if (basic) lines.push('-u "$CLIENT_ID:$CLIENT_SECRET"');
  const content = op.requestBody ? Object.entries(op.requestBody.content) : [];
  if (content.length && content[0][0] === FORM) {
    const grant = Object.entries(content[0][1].schema.properties)
      .find(([, p]) => p.enum);
    if (grant) lines.push(`-d ${grant[0]}=${grant[1].enum[0]}`);
    for (const name of content[0][1].schema.required || []) {
      if (!grant || name !== grant[0]) lines.push(`-d ${name}=…`);
    }
  } else if (content.length) {
    lines.push(`-H 'Content-Type: ${content[0][0]}'`, `-d '${JSON.stringify(sample(api, content[0][1].schema))}'`);
  }
  return lines.join(' \\\n  ');
}

function open(item, api) {
  const op = find(api, item.dataset.id);
  const line = item.firstElementChild;
  if (!op) return;
  const summary = element('summary', { className: 'line' }, ...line.childNodes);
  const detail = element('div', { className: 'detail' });
  const details = element('details', {}, summary, detail);
  line.replaceWith(details);
  details.addEventListener('toggle', () => {
    if (!details.open || detail.firstChild) return;
    const rows = parameterRows(api, op);
    if (rows.length) detail.append(heading('Parameters'), table(rows));
    detail.append(...bodyParts(api, op), ...answerParts(api, op), heading('curl'),
      element('pre', { textContent: curl(api, op) }));
  });
  if (location.hash === `#${item.dataset.id}`) details.open = true;
}

async function load() {
  const items = [...document.querySelectorAll('.op')];
  const documents = new Map();
  for (const { dataset } of items) {
    if (!documents.has(dataset.document)) {
      documents.set(dataset.document, fetch(dataset.document).then((r) => r.json()));
    }
  }
  for (const item of items) open(item, await documents.get(item.dataset.document));
}

function filter() {
  const label = document.getElementById('search');
  const input = label.querySelector('input');
  label.hidden = false;
  input.addEventListener('input', () => {
    const wanted = input.value.trim().toLowerCase();
    for (const section of document.querySelectorAll('section')) {
      let any = false;
      for (const item of section.querySelectorAll('.op')) {
        item.hidden = !item.querySelector('.line').textContent.toLowerCase().includes(wanted);
        any = any || !item.hidden;
      }
      section.hidden = !any;
    }
  });
}

function navigate() {
  const nav = document.getElementById('nav');
  for (const section of document.querySelectorAll('section')) {
    nav.append(element('a', { href: `#${section.id}`,
      textContent: section.querySelector('h2').textContent }));
  }
}

navigate();
filter();
load();
