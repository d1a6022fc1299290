// What a person did, on its way to the disk. Each item is kept in this browser, and sent again, until the server says
// that it is saved. Its id makes sure that it is done once, however often it is sent.
import { keep, readKept } from "./kept.js";

const PAUSES_MS = [300, 1000, 2000, 4000, 8000, 15000];

// A subclass says where a batch goes (`address`, `body`), which kept items are whole (`isWhole`), and what an answer
// means (`take`).
export class Sending {
  constructor({ prefix, longestBatch, stuckMs, onChange }) {
    this.prefix = prefix;
    this.longestBatch = longestBatch;
    this.stuckMs = stuckMs;
    this.onChange = onChange;
    this.items = this.#readKept();
    this.sending = false;
    this.failures = 0;
    this.problem = "";
    this.kept = true;
    this.timer = 0;
    this.online = () => this.sendNow();
    window.addEventListener("online", this.online);
  }

  end() {
    clearTimeout(this.timer);
    window.removeEventListener("online", this.online);
  }

  get waiting() {
    return this.items.length;
  }

  add(items) {
    for (const item of items) {
      this.items.push(item);
      this.kept = keep(this.prefix + item.id, item); // if not, the page asks before it is left
    }
    this.onChange();
    if (!this.failures) this.#send();
  }

  sendNow() {
    clearTimeout(this.timer);
    this.#send();
  }

  // Drops the items that the server has saved or refused.
  forget(ids) {
    this.items = this.items.filter(({ id }) => !ids.has(id));
    for (const id of ids) {
      try { localStorage.removeItem(this.prefix + id); } catch { /* nothing was kept */ }
    }
  }

  async #send() {
    if (this.sending || !this.items.length) return;
    this.sending = true;
    const { run } = this.items[0];
    const batch = this.items.filter((item) => item.run === run).slice(0, this.longestBatch);
    let tell = () => {};
    try {
      const answer = await fetch(this.address(run), {
        method: "POST",
        credentials: "same-origin",
        priority: "high",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(this.body(run, batch)),
        signal: AbortSignal.timeout(this.stuckMs),
      });
      const values = await answer.json().catch(() => ({}));
      // A run or its groups that are gone refuse with a reason; any other bad answer is a failure, and is sent again.
      const isGone = answer.status === 404 && Boolean(values.error);
      if (!answer.ok && !isGone) throw new Error(values.error || `The dashboard answered with ${answer.status}.`);
      tell = this.take(values, batch, isGone) ?? tell;
      this.failures = 0;
      this.problem = "";
    } catch (error) {
      this.problem = error.name === "TypeError" || error.name === "TimeoutError" ? "The dashboard does not answer." : error.message;
      this.failures++;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#send(), PAUSES_MS[Math.min(this.failures, PAUSES_MS.length) - 1]);
    }
    this.sending = false;
    tell();
    this.onChange();
    if (!this.failures && this.items.length) this.#send();
  }

  #readKept() {
    const items = [];
    try {
      for (let n = 0; n < localStorage.length; n++) {
        const name = localStorage.key(n);
        if (name.startsWith(this.prefix)) items.push(readKept(name));
      }
    } catch { /* the storage is forbidden */ }
    return items.filter((item) => this.isWhole(item)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
