'use strict';
// What the parts of script/torture share: options, a store, lines of progress, the verdict as JSON.
//
//     const part = new Part('races');      --rounds N  --store sqlite|postgresql  --json FILE
//                                          --seed N  --quick
//     await part.open()                    the store, before anything that talks to it is loaded
//     part.check(ok, 'what holds', detail) prints ok or not ok
//     part.figure('p99', 1.5, 'ms')        goes to the JSON and from there to docs/reliability.md;
//                                          a fourth argument is what a picture is drawn of
//     await part.end()                     prints "N passed, N failed", writes the JSON, exits
//
// The JSON: { name, store, rounds, seed, only, date, seconds, figures: [{ name, value, unit }], passed,
// failed: [text] }.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const ROOT = path.join(__dirname, '..', '..', '..');
const POSTGRES = path.join(ROOT, 'script', 'postgres');

function parse(argv) {
  const o = { store: 'sqlite', quick: false };
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i].replace(/^--/, '');
    if (name === 'quick') o.quick = true;
    else if (argv[i].startsWith('--') && i + 1 < argv.length) o[name] = argv[++i];
    else throw new Error(`unknown argument: ${argv[i]}`);
  }
  if (!['sqlite', 'postgresql'].includes(o.store)) throw new Error(`unknown store: ${o.store}`);
  return o;
}

class Part {
  constructor(name, { rounds, quick = rounds } = {}) {
    this.name = name;
    this.options = parse(process.argv.slice(2));
    this.quick = this.options.quick;
    this.store = this.options.store;
    this.rounds = Number(this.options.rounds || (this.quick ? quick : rounds) || 0);
    this.seed = Number(this.options.seed || process.env.POSTERN_SEED ||
      Math.floor(Math.random() * 2 ** 32));
    process.env.POSTERN_SEED = String(this.seed); // the chance of test/cluster/lib
    Object.assign(this, { figures: [], failed: [], passed: 0, start: Date.now(), closing: [] });
    process.on('unhandledRejection', (e) => { throw e; });
  }

  // What is to be undone at the end, last first.
  later(undo) {
    this.closing.push(undo);
  }

  async open(settings = []) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), `postern-${this.name}-`));
    this.later(() => fs.rmSync(this.dir, { recursive: true, force: true }));
    if (this.store === 'sqlite') {
      delete process.env.POSTERN_TEST_PG;
      return;
    }
    this.pg = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-pg-'));
    this.later(() => execFileSync(POSTGRES, ['remove', this.pg]));
    execFileSync(POSTGRES, ['start', this.pg, '0', ...settings]);
    process.env.POSTERN_TEST_PG = this.pg;
  }

  say(text) {
    console.log(`# ${text}`);
  }

  check(ok, what, detail = '') {
    if (ok) this.passed++;
    else this.failed.push(detail ? `${what}: ${detail}` : what);
    console.log(`${ok ? 'ok' : 'not ok'} - ${this.name} ${this.store}: ${what}`);
    if (!ok && detail) console.log(String(detail).replace(/^/gm, '    '));
    return ok;
  }

  figure(name, value, unit = '', data = undefined) {
    const short = typeof value === 'number' && !Number.isInteger(value)
      ? Number(value.toPrecision(4)) : value;
    this.figures.push({ name, value: short, unit, data });
    this.say(`${name}: ${short} ${unit}`.trimEnd());
  }

  async close() {
    for (const undo of this.closing.reverse()) {
      try {
        await undo();
      } catch (e) {
        this.check(false, 'what was started ends', e.message);
      }
    }
  }

  async end() {
    await this.close();
    if (this.options.json) {
      const { name, store, rounds, seed, figures, passed, failed } = this;
      fs.writeFileSync(this.options.json, JSON.stringify({ name, store, rounds, seed,
        only: this.options.only,
        date: new Date().toISOString().slice(0, 10),
        seconds: Math.round((Date.now() - this.start) / 1000), quick: this.quick, figures, passed,
        failed }, null, 1));
    }
    console.log(`${this.passed} passed, ${this.failed.length} failed`);
    process.exit(this.failed.length > 0 || this.passed === 0 ? 1 : 0);
  }

  // Runs the part; what it throws is a failure like any other.
  async run(work) {
    this.say(`seed ${this.seed}, store ${this.store}`);
    try {
      await work(this);
    } catch (e) {
      this.check(false, 'it comes to its end', e.stack);
    }
    await this.end();
  }
}

module.exports = { Part, ROOT };
