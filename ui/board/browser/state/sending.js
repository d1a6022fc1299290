// What a person did, on its way to the disk. Each item is kept in this browser, and sent again, until the server says
// that it is saved. Its id makes sure that it is done once, however often it is sent.
import { keep, readKept } from "./kept.js";

const PAUSES_MS = [300, 1000, 2000, 4000, 8000, 15000];

// These say that the dashboard as a whole cannot save now. After any other bad answer, one item may be the reason.
const OF_ALL = new Set([401, 403, 408, 429, 502, 503, 504]);

// A subclass says where a batch goes (`address`, `body`), which kept items are whole (`isWhole`), which must keep their
// order (`lane`), and what an answer means (`take`). An item leaves this browser only if it is named as saved or refused.
export class Sending {
  constructor({ prefix, longestBatch, stuckMs, onChange }) {
    this.prefix = prefix;
    this.longestBatch = longestBatch;
    this.stuckMs = stuckMs;
    this.onChange = onChange;
    this.items = this.#readKept();
    this.sending = false;
    this.failures = 0;
    this.failure = "";
    this.kept = true;
    this.late = new Map(); // by id, of items that are sent by themselves: { tries, until, why }
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

  // Why something is not saved; empty while all goes well.
  get problem() {
    if (this.failures) return this.failure;
    return this.items.map(({ id }) => this.late.get(id)?.why).find(Boolean) ?? "";
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
    for (const one of this.late.values()) one.until = 0;
    clearTimeout(this.timer);
    this.#send();
  }

  // Drops the items that the server has saved or refused.
  forget(ids) {
    this.items = this.items.filter(({ id }) => !ids.has(id));
    for (const id of ids) {
      this.late.delete(id);
      try { localStorage.removeItem(this.prefix + id); } catch { /* nothing was kept */ }
    }
  }

  // What to send next. An item that failed goes by itself and waits longer each time, so that it keeps nothing else from
  // being saved but what must come after it.
  #choose() {
    const blocked = new Set();
    const ready = [];
    for (const item of this.items) {
      const late = this.late.get(item.id);
      if (!blocked.has(this.lane(item)) && !(late?.until > Date.now())) ready.push(item);
      if (late) blocked.add(this.lane(item));
    }
    const fresh = ready.filter(({ id }) => !this.late.has(id));
    if (fresh.length) return fresh.filter(({ run }) => run === fresh[0].run).slice(0, this.longestBatch);
    const tries = ({ id }) => this.late.get(id).tries;
    return ready.sort((one, other) => tries(one) - tries(other)).slice(0, 1);
  }

  #wait(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#send(), pause);
  }

  #putOff(id, why) {
    const tries = (this.late.get(id)?.tries ?? 0) + 1;
    this.late.set(id, { tries, why, until: Date.now() + PAUSES_MS[Math.min(tries, PAUSES_MS.length) - 1] });
  }

  async #send() {
    if (this.sending || !this.items.length) return;
    const batch = this.#choose();
    if (!batch.length) {
      this.#wait(Math.max(1, Math.min(...[...this.late.values()].map(({ until }) => until)) - Date.now()));
      return;
    }
    this.sending = true;
    const { run } = batch[0];
    let tell = () => {};
    let isOfAll = true;
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
      isOfAll = OF_ALL.has(answer.status);
      if (!answer.ok) throw new Error(values.error || `The dashboard answered with ${answer.status}.`);
      if (!values.saved || !values.refused) throw new Error("The dashboard answered with something else.");
      for (const [id, why] of Object.entries(values.held ?? {})) this.#putOff(id, why);
      tell = this.take(values, batch) ?? tell;
      this.failures = 0;
    } catch (error) {
      this.failure = error.name === "TypeError" || error.name === "TimeoutError" ? "The dashboard does not answer." : error.message;
      this.failures++;
      if (!isOfAll) {
        for (const { id } of batch) batch.length > 1 ? this.late.set(id, { tries: 0, until: 0, why: "" }) : this.#putOff(id, this.failure);
      }
      this.#wait(PAUSES_MS[Math.min(this.failures, PAUSES_MS.length) - 1]);
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
