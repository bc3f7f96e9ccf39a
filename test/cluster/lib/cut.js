'use strict';
// A TCP relay between a node and its database, whose line can be cut.
//
//     const line = await startRelay(port);    line.port: where the node connects
//     line.cut()        nothing passes any more and nobody is told, as if a cable were pulled; what
//                       is written meanwhile arrives after heal(), as TCP has it
//     line.reset()      every connection breaks (RST); new ones are taken
//     line.delay(ms)    what the database says arrives that much later
//     line.rewrite(a, b)     what the node says has b in the place of a, which is as long; and
//     line.rewritten         how often that was done
//     line.heal()            cut and delay are over
//     await line.stop()

const net = require('node:net');

class Relay {
  constructor(target) {
    Object.assign(this, { target, pairs: new Set(), silent: false, delay_ms: 0 });
  }

  listen() {
    this.server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (s) => this.take(s));
    return new Promise((done, failed) => {
      this.server.on('error', failed);
      this.server.listen(0, '127.0.0.1', () => {
        this.port = this.server.address().port;
        done(this);
      });
    });
  }

  take(near) {
    const far = net.connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true });
    const pair = { near, far };
    this.pairs.add(pair);
    for (const s of [near, far]) {
      s.setNoDelay(true);
      s.on('error', () => this.drop(pair)); // a reset on one side is one on the other
      s.on('close', () => { if (near.destroyed && far.destroyed) this.pairs.delete(pair); });
    }
    this.forward(near, far, () => 0, (bytes) => this.edit(bytes));
    this.forward(far, near, () => this.delay_ms);
    if (!this.silent) near.resume();
    else far.pause();
  }

  // Bytes keep their order, since a timer is set for each chunk and delays only change in between.
  forward(from, to, delay, edit = (bytes) => bytes) {
    let due = 0;
    const later = (f) => {
      due = Math.max(due, performance.now() + delay());
      const wait = due - performance.now();
      if (wait <= 0) f();
      else setTimeout(f, wait);
    };
    from.on('data', (bytes) => later(() => { if (!to.destroyed) to.write(edit(bytes)); }));
    from.on('end', () => later(() => { if (!to.destroyed) to.end(); }));
  }

  rewrite(from, to) {
    Object.assign(this, { from: Buffer.from(from), to: Buffer.from(to), rewritten: 0 });
  }

  edit(bytes) {
    const at = this.from ? bytes.indexOf(this.from) : -1;
    if (at >= 0) {
      this.to.copy(bytes, at);
      this.rewritten++;
    }
    return bytes;
  }

  drop({ near, far }) {
    for (const s of [near, far]) {
      // libuv resets no socket that is shut down already, and Node would keep it for ever
      if (s.writableEnded) s.destroy();
      else if (!s.destroyed) s.resetAndDestroy();
    }
  }

  each(f) {
    for (const { near, far } of this.pairs) for (const s of [near, far]) f(s);
  }

  cut() {
    this.silent = true;
    this.each((s) => s.pause());
  }

  reset() {
    for (const pair of [...this.pairs]) this.drop(pair);
  }

  delay(ms) {
    this.delay_ms = ms;
  }

  heal() {
    this.silent = false;
    this.delay_ms = 0;
    this.each((s) => s.resume());
  }

  stop() {
    this.reset();
    return new Promise((done) => this.server.close(done));
  }
}

const startRelay = (target) => new Relay(target).listen();

module.exports = { startRelay };
