'use strict';
// Walks through the pages as people do: with a mouse or by keyboard alone, with scripts or without.
//
//     const walk = new Walk(page, { name: 'keyboard', keyboard: true, script: true });
//     await walk.at('Sign in', 'sign_in')    the heading is that; axe, overflow, console; a screenshot
//     await walk.fill({ login: 'ada', password: '...' }); await walk.press('Sign in')
//
// The client's own address does not exist; `calls` lists what the browser brought there.

const assert = require('node:assert');
const { axe, shot } = require('./browser');

const CLIENT = 'https://app.example';

class Walk {
  constructor(page, { name, keyboard = false, script = true }) {
    Object.assign(this, { page, name, keyboard, script, calls: [] });
  }

  async start() {
    await this.page.context().route(`${CLIENT}/**`, (route) => {
      const r = route.request();
      if (r.frame().page() !== this.page) return route.fallback();
      this.calls.push({ method: r.method(), url: new URL(r.url()), body: r.postData() });
      return route.fulfill({ contentType: 'text/html',
        body: '<!doctype html><html lang="en"><title>App</title><h1>Back at the app</h1></html>' });
    });
    return this;
  }

  async at(heading, picture) {
    await this.page.locator('h1', { hasText: heading }).waitFor({ timeout: 10000 });
    assert.equal((await this.page.locator('h1').allTextContents()).map((t) => t.trim()).join('|'),
      heading);
    if (this.script) {
      assert.deepEqual(await axe(this.page), [], `axe at ${picture}`);
      const wide = await this.page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${picture} is ${wide} px wider than the screen`);
    }
    assert.deepEqual(this.page.problems, [], `console at ${picture}`);
    await shot(this.page, `${picture}.${this.name}`);
  }

  async fill(fields) {
    for (const [name, value] of Object.entries(fields)) {
      const field = this.page.locator(`input[name="${name}"]:not([hidden]):not([type="hidden"])`);
      if (!this.keyboard) {
        await field.fill(value);
        continue;
      }
      await this.focus(field);
      await this.page.keyboard.press('Control+A');
      await this.page.keyboard.type(value);
    }
  }

  // By Tab alone, from wherever the page has put the focus.
  async focus(target) {
    const element = await target.elementHandle();
    for (let i = 0; i < 60; i++) {
      if (await element.evaluate((e) => e === document.activeElement)) return;
      await this.page.keyboard.press('Tab');
    }
    throw new Error(`no way by keyboard to ${target}`);
  }

  async press(name, within = this.page) {
    const button = within.getByRole('button', { name, exact: true });
    if (!this.keyboard) return button.click();
    await this.focus(button);
    return this.page.keyboard.press('Enter');
  }

  // Back at the client: what the browser brought it.
  async returned() {
    await this.page.locator('h1', { hasText: 'Back at the app' }).waitFor({ timeout: 10000 });
    const call = this.calls.at(-1);
    return { ...call, params: call.method === 'POST' ? new URLSearchParams(call.body)
      : call.url.searchParams };
  }
}

module.exports = { Walk, CLIENT };
