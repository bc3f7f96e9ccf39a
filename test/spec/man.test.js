'use strict';
// Manual pages and shell completion: linted by mandoc and man, and completed by the real shells.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test, describe, before, after } = require('node:test');
const { ROOT, BINARY, work, fresh, remove, run, json, refused } = require('./lib/cli.js');

before(fresh);
after(remove);

describe('manual pages', () => {
  let pages;
  before(() => {
    const dir = path.join(work.dir, 'man');
    const r = spawnSync(path.join(ROOT, 'script', 'gen-man'), [BINARY, dir], { encoding: 'utf8' });
    assert.equal(r.status, 0, r.stderr);
    pages = fs.readdirSync(dir).map((name) => path.join(dir, name));
  });

  test('one per subcommand, one of all, one of the settings', () => {
    const first = run(['help']).out.split('\n').map((l) => /^ {2}(\w+) /.exec(l)?.[1])
      .filter(Boolean);
    assert.ok(first.includes('serve') && first.includes('client'));
    const expected = ['postern.1', 'postern.conf.5', ...first.map((w) => `postern-${w}.1`)];
    assert.deepEqual(pages.map((p) => path.basename(p)).sort(), expected.sort());
  });

  test('mandoc -T lint and man --warnings find nothing', () => {
    const lint = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', ...pages],
      { encoding: 'utf8' });
    assert.equal(lint.stdout + lint.stderr, '');
    assert.equal(lint.status, 0);
    for (const page of pages) {
      const r = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', page],
        { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '80' } });
      assert.equal(r.stderr, '', page);
      assert.equal(r.status, 0);
    }
  });

  test('say every option and every setting', () => {
    const text = (page) => spawnSync('mandoc', ['-T', 'ascii', page], { encoding: 'utf8' })
      .stdout.replace(/.\x08/g, '');
    const conf = text(path.join(work.dir, 'man', 'postern.conf.5'));
    for (const s of json(['list', 'settings'])) {
      assert.match(conf, new RegExp(`^ +${s.name.replaceAll('.', '\\.')}( |$)`, 'm'));
    }
    const client = text(path.join(work.dir, 'man', 'postern-client.1'));
    assert.match(client, /--token-format jwt\|opaque/);
    assert.match(client, /"client_id": UUID or OQ/);
    assert.match(client, /--allow-weak\n +take a secret of fewer than 32 characters\./);
  });

  test('are the same bytes for the same SOURCE_DATE_EPOCH', () => {
    const r = run(['help', '--man', 'postern'], { env: { SOURCE_DATE_EPOCH: '86400' } });
    assert.match(r.out, /^\.TH POSTERN 1 1970-01-02 /);
  });

  test('unknown pages and shells are refused', () => {
    refused(2, 'no manual page `postern-nothing`', ['help', '--man', 'postern-nothing']);
    refused(2, 'bash, zsh or fish, not `csh`', ['help', '--completion', 'csh']);
  });
});

// Types into a shell on a terminal of its own, each piece when the shell waits for it: the
// function `postern` then says which words it got.
function typed(command, setup, pieces) {
  return new Promise((done, failed) => {
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, TERM: 'dumb', HOME: work.dir }, stdio: ['pipe', 'pipe', 'inherit'] });
    let seen = '';
    let next = 0;
    let quiet;
    const rest = [`${setup}; postern() { printf 'GOT<%s>' "$@"; echo; }\n`, ...pieces, '\n',
      'exit\n'];
    const type = () => {
      if (next < rest.length) child.stdin.write(rest[next++]);
    };
    const later = (ms) => {
      clearTimeout(quiet);
      quiet = setTimeout(type, ms);
    };
    child.stdout.on('data', (d) => {
      seen += d;
      later(next === 1 ? 1500 : 250);
    });
    later(300);
    const late = setTimeout(() => child.kill(), 30000);
    child.on('error', failed);
    child.on('exit', () => {
      clearTimeout(late);
      clearTimeout(quiet);
      const got = seen.split('\n').filter((l) => l.includes('GOT<') && !l.includes('printf'));
      done([...(got.at(-1) || seen).matchAll(/GOT<([^>]*)>/g)].map((m) => m[1]));
    });
  });
}

describe('completion', () => {
  const pieces = ['postern cl\t', 'cr\t', '--token-f\t', 'j\t', '--set log.lev\t'];
  const words = ['client', 'create', '--token-format', 'jwt', '--set', 'log.level='];
  const file = (shell) => {
    const name = path.join(work.dir, `completion.${shell}`);
    fs.writeFileSync(name, run(['help', '--completion', shell]).out);
    return name;
  };

  test('bash', { timeout: 60000 }, async () => {
    assert.deepEqual(await typed('bash --norc --noprofile -i', `source ${file('bash')}`, pieces),
      words);
    fs.writeFileSync(path.join(work.dir, 'settings.yaml'), '');
    assert.deepEqual(await typed('bash --norc --noprofile -i',
      `source ${file('bash')}; cd ${work.dir}`, ['postern che\t', '--config set\t']),
    ['check', '--config', 'settings.yaml']);
  });

  test('zsh', { timeout: 60000 }, async () => {
    const setup = `autoload -U compinit; compinit -u -D; source ${file('zsh')}; ` +
      'compdef _postern postern';
    assert.deepEqual(await typed('zsh -f -i', setup, pieces), words);
  });

  test('fish', () => {
    const offered = (line) => {
      const r = spawnSync('fish', ['--no-config', '-c',
        `source ${file('fish')}; complete -C ${JSON.stringify(line)}`],
      { encoding: 'utf8', env: { ...process.env, HOME: work.dir } });
      assert.equal(r.stderr, '');
      return r.stdout.trim().split('\n').map((l) => l.split('\t')[0]);
    };
    assert.deepEqual(offered('postern cl'), ['client']);
    assert.deepEqual(offered('postern client cr'), ['create']);
    assert.deepEqual(offered('postern client create --token-f'), ['--token-format']);
    assert.deepEqual(offered('postern client create --token-format '), ['jwt', 'opaque']);
    assert.deepEqual(offered('postern client list --token-f'), ['']);
    assert.ok(offered('postern serve --set log.').includes('log.level='));
  });

  test('knows every subcommand and every option', () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const text = fs.readFileSync(file(shell), 'utf8');
      for (const line of run(['help', '--markdown']).out.split('\n')) {
        const option = /^\| `--([a-z-]+)`/.exec(line)?.[1];
        if (option) assert.ok(text.includes(shell === 'fish' ? `-l ${option} ` : `--${option}`));
        const heading = /^## postern (\S+) ([a-z]+)/.exec(line);
        if (heading) assert.ok(text.includes(heading[2]), `${shell}: ${heading[2]}`);
      }
    }
  });
});
