'use strict';
// Environment under which a process sees the clock moved: faketime('+2h').

const fs = require('node:fs');

const PLACES = ['/usr/lib/x86_64-linux-gnu/faketime', '/usr/lib/aarch64-linux-gnu/faketime',
  '/usr/lib/faketime', '/usr/local/lib/faketime'];

function faketime(offset) {
  const dir = PLACES.find((d) => fs.existsSync(`${d}/libfaketimeMT.so.1`));
  if (!dir) throw new Error('libfaketime is not installed; script/setup installs it');
  const asan = process.env.ASAN_OPTIONS ? `${process.env.ASAN_OPTIONS}:` : '';
  return {
    // a sanitized binary would refuse to start behind another preloaded library
    ASAN_OPTIONS: `${asan}verify_asan_link_order=0`,
    // libfaketime waits for conditions behind ThreadSanitizer's back: it takes them for unlocked
    TSAN_OPTIONS: `${process.env.TSAN_OPTIONS || ''}:report_bugs=0`,
    LD_PRELOAD: `${dir}/libfaketimeMT.so.1`, FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_FORCE_MONOTONIC_FIX: '0', // else timed waits by the monotonic clock end at once
  };
}

module.exports = { faketime };
