// Decisions on their way to the disk. Each is kept in this browser, and sent again, until the server says that it is
// saved. Its id makes sure that it is stored once, however often it is sent.
import { keep, readKept } from "./kept.js";

const LONGEST_BATCH = 500;
const PAUSES_MS = [300, 1000, 2000, 4000, 8000, 15000];
const STUCK_MS = 20_000;

export function newId() {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const tail = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return Date.now().toString(16).padStart(12, "0") + tail;
}

export class Outbox {
  constructor({ project, onChange, onSaved, onRefused }) {
    this.prefix = `anomalure.${project}.decision.`;
    this.onChange = onChange;
    this.onSaved = onSaved;
    this.onRefused = onRefused;
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
      this.kept = keep(this.prefix + item.id, item); // if not, the board asks before the page is left
    }
    this.onChange();
    if (!this.failures) this.#send();
  }

  sendNow() {
    clearTimeout(this.timer);
    this.#send();
  }

  renewPass({ pass, reviewer }) {
    let changed = false;
    for (const item of this.items) {
      if (item.reviewer === reviewer && item.pass !== pass) {
        item.pass = pass;
        changed = true;
      }
    }
    if (this.items.length && (changed || this.failures)) this.sendNow();
  }

  async #send() {
    if (this.sending || !this.items.length) return;
    this.sending = true;
    const run = this.items[0].run;
    const batch = this.items.filter((item) => item.run === run).slice(0, LONGEST_BATCH);
    const now = Date.now();
    const decisions = batch.map(({ id, crop, verdict, species, note, given_to, rate, pass, at }) => ({
      id, crop, verdict, species, note, given_to, rate, pass, age_ms: Math.max(0, now - at),
    }));
    try {
      const answer = await fetch("/api/verdicts", {
        method: "POST",
        credentials: "same-origin",
        priority: "high",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ run, decisions }),
        signal: AbortSignal.timeout(STUCK_MS),
      });
      const values = await answer.json().catch(() => ({}));
      if (answer.status === 404 && values.error) {
        this.#drop(batch.map(({ id }) => [id, "This run has no such crop."]));
      } else if (!answer.ok) {
        throw new Error(values.error || `The dashboard answered with ${answer.status}.`);
      } else {
        this.#forget(new Set(values.saved));
        this.onSaved(batch.filter(({ id }) => values.saved.includes(id)));
        this.#drop(Object.entries(values.refused || {}));
      }
      this.failures = 0;
      this.problem = "";
    } catch (error) {
      this.problem = error.name === "TypeError" || error.name === "TimeoutError" ? "The dashboard does not answer." : error.message;
      this.failures++;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#send(), PAUSES_MS[Math.min(this.failures, PAUSES_MS.length) - 1]);
    }
    this.sending = false;
    this.onChange();
    if (!this.failures && this.items.length) this.#send();
  }

  #drop(refused) {
    if (!refused.length) return;
    const reasons = new Map(refused);
    const items = this.items.filter(({ id }) => reasons.has(id));
    this.#forget(new Set(reasons.keys()));
    this.onRefused(items, reasons);
  }

  #forget(ids) {
    this.items = this.items.filter(({ id }) => !ids.has(id));
    for (const id of ids) {
      try { localStorage.removeItem(this.prefix + id); } catch { /* nothing was kept */ }
    }
  }

  #readKept() {
    const items = [];
    try {
      for (let n = 0; n < localStorage.length; n++) {
        const name = localStorage.key(n);
        if (name.startsWith(this.prefix)) items.push(readKept(name));
      }
    } catch { /* the storage is forbidden */ }
    return items.filter(({ id, crop }) => id && crop).sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
