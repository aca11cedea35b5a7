// Tells the server who saw what: once a person, variant and window, in the background, and a last time at the end.
//
// The server records single evaluations over OFREP by itself; that it is told twice does no harm. Browsers need this: they
// fetch all flags at once, which says nothing of what was seen.
'use strict';

const BATCH = 1000;
const WAITING = 10_000;

class ExposureHook {
  #url;
  #headers;
  #window;
  #told = new Map();
  #waiting = [];
  #unwanted = new Set(); // flags that keep no exposures
  #sending = Promise.resolve();
  #timer;

  // `url` is the server's, `headers` gives the token and the selector; `window` should be the flags' exposureWindow.
  constructor(url, headers, { window = 86_400_000, every = 5000 } = {}) {
    this.#url = `${url}/v1/exposures`;
    this.#headers = headers;
    this.#window = window;
    this.#timer = setInterval(() => this.flush(), every);
    this.#timer.unref();
  }

  after(hookContext, details) {
    const unit = hookContext.context.targetingKey;
    if (!unit || !details.variant || this.#unwanted.has(details.flagKey) || this.#waiting.length >= WAITING) return;
    const key = JSON.stringify([details.flagKey, details.variant, unit]);
    const now = Date.now();
    const window = Math.floor(now / this.#window);
    if (this.#told.get(key) === window) return;
    if (this.#told.size >= WAITING) this.#told.clear();
    this.#told.set(key, window);
    this.#waiting.push({ flag: details.flagKey, variant: details.variant, unit, at: now / 1000 });
  }

  // Send what waits; what the server does not take now is sent again.
  flush() {
    this.#sending = this.#sending.then(() => this.#flush());
    return this.#sending;
  }

  async close() {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #flush() {
    while (this.#waiting.length) {
      const batch = this.#waiting.slice(0, BATCH);
      if (!(await this.#send(batch))) return;
      this.#waiting.splice(0, batch.length);
    }
  }

  async #send(batch) {
    try {
      const body = JSON.stringify({ exposures: batch });
      const headers = { ...this.#headers(), 'Content-Type': 'application/json' };
      const answer = await fetch(this.#url, { method: 'POST', headers, body });
      if (answer.status !== 200 && answer.status !== 400) return false; // the server is full, or away
      const { rejected } = await answer.json();
      if (!rejected) return false; // it is about the whole request
      for (const { index, reason } of rejected) {
        if (reason === 'NotRecorded') this.#unwanted.add(batch[index].flag);
      }
      return true;
    } catch {
      return false;
    }
  }
}

module.exports = { ExposureHook };
