'use strict';
// The program that makes system calls fail and moves the clock (syscalls.c), from outside.
//
//     const control = new Control();           startPostern({ env: control.env(seed) })
//     control.set({ recv: [300, 'EINTR', 'SHORT'] })   of 10,000 calls so many, in these ways; {}: none
//     control.hits()                           { recv: 17, ... } that many have failed
//     control.ahead(3600)                      the clock of the day, for all processes, at once
//     control.end()

const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { BINARY } = require('../../interop/lib/postern.js');

const SHIM = path.join(path.dirname(BINARY), 'fault', 'syscalls.so');

// The order of lib/syscalls.c.
const CALLS = ['recv', 'send', 'accept', 'epoll', 'wake', 'write', 'pwrite', 'pread', 'fsync', 'open',
  'random'];
const KINDS = ['SHORT', 'EINTR', 'EAGAIN', 'EIO', 'ENOSPC', 'ECONNRESET', 'EPIPE', 'EMFILE', 'ENFILE',
  'ENOMEM', 'ECONNABORTED', 'ENOBUFS', 'EROFS'];
const ROOM = 16; // calls that the table has room for
const SIZE = ROOM * (4 + 4 + 8 + 8) + 8;

class Control {
  constructor() {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'postern-syscalls-'));
    this.path = path.join(this.dir, 'control');
    fs.writeFileSync(this.path, Buffer.alloc(SIZE));
    fs.chmodSync(this.dir, 0o755);
    fs.chmodSync(this.path, 0o666); // the server may give its user up
    this.fd = fs.openSync(this.path, 'r+');
  }

  env(seed) {
    if (!fs.existsSync(SHIM)) throw new Error(`${SHIM} is not there: make fault`);
    const asan = process.env.ASAN_OPTIONS ? `${process.env.ASAN_OPTIONS}:` : '';
    return { LD_PRELOAD: SHIM, FAULT_CONTROL: this.path, FAULT_SEED: String(seed),
      // a sanitized binary would refuse to start behind another preloaded library
      ASAN_OPTIONS: `${asan}verify_asan_link_order=0` };
  }

  ahead(seconds) {
    const b = Buffer.alloc(8);
    b.writeBigInt64LE(BigInt(seconds));
    fs.writeSync(this.fd, b, 0, 8, ROOM * 24);
  }

  set(faults) {
    const b = Buffer.alloc(ROOM * 8);
    for (const [call, [rate, ...kinds]] of Object.entries(faults)) {
      const mask = kinds.reduce((m, k) => m | (1 << KINDS.indexOf(k)), 0);
      b.writeUInt32LE(rate, 4 * CALLS.indexOf(call));
      b.writeUInt32LE(mask, 4 * (ROOM + CALLS.indexOf(call)));
    }
    fs.writeSync(this.fd, b, 0, b.length, 0);
  }

  hits() {
    const b = Buffer.alloc(SIZE);
    fs.readSync(this.fd, b, 0, SIZE, 0);
    return Object.fromEntries(CALLS.map((c, i) => [c, Number(b.readBigUInt64LE(ROOM * 16 + 8 * i))]));
  }

  end() {
    fs.closeSync(this.fd);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}

module.exports = { Control, CALLS };
