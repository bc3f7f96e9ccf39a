'use strict';
// A person with a browser that has no scripts: plain HTTP, a cookie jar, forms filled by hand.
//
//     const ada = new Person(p, { login: 'ada', password: '...' });
//     const callback = await ada.authorize(url);    through sign-in, choice and consent to the client
//     callback.params.get('code'), .state, .url (URL), .method ('GET' or 'POST'), .pages
//     ada.authorize(url, { consent: 'deny', stopAt: 'consent', choose: sid | 'other' })
//     await ada.device(verification_uri_complete, { action: 'deny' })   { pages, page }
//     await ada.device(verification_uri, { userCode })
//
// and the parts of which these are made:
//
//     const page = await ada.open(url)              a GET with cookies; redirects at our own origin
//                                                   are followed, another origin ends it
//     page.kind      'sign_in', 'choose', 'consent', 'device', 'account', 'form_post', 'callback', 'other'
//     page.status page.headers page.html page.url page.forms page.errorId
//     await ada.submit(page, { field: value }, { form, headers })    posts a form of that page
//     ada.localAddress = '127.0.5.1'                 where the browser is, for what counts by source
//     ada.cookies    Map name -> value;   ada.request(method, url, { headers, body })  one exchange
//
// `p` is what startPostern gives (its url is enough: { url }). A page that comes twice in a row is
// an error with the text of the page, so a wrong password does not loop.

const http = require('node:http');
const https = require('node:https');

const MAX_STEPS = 12;

const ENTITIES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function decodeEntities(text) {
  return text.replace(/&(#x[0-9a-f]+|#[0-9]+|[a-z]+);/gi, (all, name) => {
    if (name[0] !== '#') return ENTITIES[name.toLowerCase()] ?? all;
    const hex = name[1] === 'x' || name[1] === 'X';
    return String.fromCodePoint(parseInt(name.slice(hex ? 2 : 1), hex ? 16 : 10));
  });
}

function attributes(tag) {
  const out = {};
  const inner = tag.replace(/^<\/?[a-z0-9]+/i, '').replace(/\/?>$/, '');
  for (const m of inner.matchAll(/([^\s=>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g)) {
    out[m[1].toLowerCase()] = decodeEntities(m[2] ?? m[3] ?? m[4] ?? '');
  }
  return out;
}

// What a browser would send of a form: every named field, without the buttons.
function readForm(html, attrs, base) {
  const fields = {};
  const buttons = [];
  for (const m of html.matchAll(/<(input|button|textarea)\b[^>]*>/gi)) {
    const a = attributes(m[0]);
    const type = (a.type || (m[1].toLowerCase() === 'button' ? 'submit' : 'text')).toLowerCase();
    if (a.name === undefined) continue;
    if (type === 'submit') buttons.push({ name: a.name, value: a.value || '' });
    else if ((type !== 'checkbox' && type !== 'radio') || 'checked' in a) {
      fields[a.name] = a.value || '';
    }
  }
  return {
    action: new URL(attrs.action || base, base),
    method: (attrs.method || 'get').toUpperCase(),
    fields,
    buttons,
    html,
  };
}

function readForms(html, base) {
  return [...html.matchAll(/(<form\b[^>]*>)([\s\S]*?)<\/form>/gi)]
    .map((m) => readForm(m[2], attributes(m[1]), base));
}

const textOf = (html) => decodeEntities(html.replace(/<(style|script)\b[\s\S]*?<\/\1>/gi, '')
  .replace(/<[^>]+>/g, ' ')).replace(/\s+/g, ' ').trim();

const KINDS = { '/sign-in': 'sign_in', '/choose': 'choose', '/consent': 'consent',
  '/device': 'device', '/account': 'account', '/sign-out': 'sign_out' };

class Page {
  constructor(url, status, headers, html, origin) {
    Object.assign(this, { url, status, headers, html });
    this.forms = /html/.test(headers['content-type'] || '') ? readForms(html, url) : [];
    const foreign = this.forms.find((f) => f.action.origin !== origin);
    this.main = foreign || this.forms.find((f) => f.action.pathname in KINDS);
    this.kind = foreign ? 'form_post' : this.main ? KINDS[this.main.action.pathname] : 'other';
    this.heading = textOf((/<h1\b[^>]*>([\s\S]*?)<\/h1>/i.exec(html) || [])[1] || '');
    this.text = textOf(html);
    this.errorId = headers['x-request-id'];
  }
}

// The browser is sent to the client: by a redirect, or by a form that posts there.
class Callback {
  constructor(url, method, params) {
    Object.assign(this, { url, method, params });
    this.kind = 'callback';
    this.code = params.get('code');
    this.state = params.get('state');
    this.error = params.get('error');
  }
}

class Person {
  constructor(p, { login, password, headers = {} } = {}) {
    this.origin = new URL(p.url).origin;
    Object.assign(this, { login, password, headers });
    this.cookies = new Map();
  }

  // Set-Cookie as a browser keeps it; nothing here needs paths or domains.
  keep(list) {
    for (const line of list || []) {
      const [pair, ...attrs] = line.split(';').map((s) => s.trim());
      const eq = pair.indexOf('=');
      const gone = attrs.some((a) => /^max-age=0$/i.test(a)) || pair.slice(eq + 1) === '';
      if (gone) this.cookies.delete(pair.slice(0, eq));
      else this.cookies.set(pair.slice(0, eq), pair.slice(eq + 1));
    }
  }

  // One exchange with our own origin; no redirect is followed.
  request(method, target, { headers = {}, body } = {}) {
    const url = new URL(target, this.origin);
    const all = { accept: 'text/html', ...this.headers, ...headers };
    if (this.cookies.size > 0) {
      all.cookie = [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ');
    }
    if (body !== undefined) {
      all['content-type'] = 'application/x-www-form-urlencoded';
      all['content-length'] = Buffer.byteLength(body);
    }
    return new Promise((done, failed) => {
      const r = (url.protocol === 'https:' ? https : http).request(url, { method, headers: all,
        agent: false, rejectUnauthorized: false, localAddress: this.localAddress }, (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (d) => { text += d; });
        res.on('error', failed);
        res.on('end', () => {
          this.keep(res.headers['set-cookie']);
          done({ status: res.statusCode, headers: res.headers, text, url });
        });
      });
      r.on('error', failed);
      r.end(body);
    });
  }

  // Follows redirects while they stay with us.
  async follow(res) {
    for (let n = 0; n < MAX_STEPS; n++) {
      const { location } = res.headers;
      if (res.status < 300 || res.status > 399 || location === undefined) {
        return new Page(res.url, res.status, res.headers, res.text, this.origin);
      }
      const to = new URL(location, res.url);
      if (to.origin !== this.origin) return new Callback(to, 'GET', to.searchParams);
      res = await this.request('GET', to);
    }
    throw new Error(`more than ${MAX_STEPS} redirects, the last to ${res.headers.location}`);
  }

  async open(url) {
    return this.follow(await this.request('GET', url));
  }

  // Sends a form of the page as it stands there, with these fields filled in.
  async submit(page, fields = {}, { form = page.main, headers = {} } = {}) {
    if (!form) throw new Error(`there is no form on this page (${page.status}): ${page.text}`);
    const body = new URLSearchParams({ ...form.fields, ...fields }).toString();
    if (form.action.origin !== this.origin) {
      return new Callback(form.action, form.method, new URLSearchParams(body));
    }
    return this.follow(await this.request('POST', form.action, { body,
      headers: { origin: this.origin, 'sec-fetch-site': 'same-origin', ...headers } }));
  }

  // The `choose` page has a form for each session, or one form with a button for each.
  pick(page, sid) {
    for (const form of page.forms) {
      if (form.fields.session === sid) return { form, fields: {} };
      if (form.buttons.some((b) => b.name === 'session' && b.value === sid)) {
        return { form, fields: { session: sid } };
      }
    }
    return { form: page.main, fields: { session: sid } };
  }

  // The sessions that the `choose` page offers.
  sessions(page) {
    return page.forms.flatMap((f) => [f.fields.session, ...f.buttons
      .filter((b) => b.name === 'session').map((b) => b.value)])
      .filter((sid) => sid !== undefined && sid !== 'other');
  }

  step(page, { consent, choose, device }) {
    switch (page.kind) {
      case 'sign_in':
        return this.submit(page, { login: this.login, password: this.password });
      case 'choose': {
        const { form, fields } = this.pick(page, choose || this.sessions(page)[0] || 'other');
        return this.submit(page, fields, { form });
      }
      case 'consent':
        return this.submit(page, { action: consent });
      case 'device':
        return this.submit(page, device(page));
      default:
        return this.submit(page);
    }
  }

  // Goes on until the client or a page that asks nothing; `stopAt` names a page that ends it.
  async go(page, options) {
    const pages = [];
    while (page.kind !== 'callback' && page.kind !== 'other' && page.kind !== options.stopAt) {
      const asked = `${page.kind} ${page.main.buttons.map((b) => b.value)}`;
      if (pages.length >= MAX_STEPS || pages.at(-1)?.asked === asked) {
        throw new Error(`the page ${page.kind} came again (${page.status}): ${page.text}`);
      }
      pages.push({ asked, kind: page.kind });
      page = await this.step(page, options);
    }
    page.pages = pages.map((x) => x.kind);
    return page;
  }

  async authorize(url, { consent = 'allow', choose, stopAt } = {}) {
    const end = await this.go(await this.open(url), { consent, choose, stopAt });
    if (end.kind === 'other' && stopAt !== 'other') {
      throw new Error(`no way to the client: ${end.status} ${end.url}: ${end.text}`);
    }
    return end;
  }

  // Enters the code of a device, signs in if asked, and decides.
  async device(url, { userCode, action = 'allow' } = {}) {
    const device = (page) => ({ ...(userCode && page.main.fields.user_code === '' &&
      { user_code: userCode }), ...(page.main.buttons.length > 0 && { action:
        page.main.buttons.some((b) => b.value === action) ? action : page.main.buttons[0].value }) });
    const end = await this.go(await this.open(url), { consent: action, device });
    return { page: end, pages: end.pages };
  }
}

module.exports = { Person, Page, Callback, decodeEntities };
