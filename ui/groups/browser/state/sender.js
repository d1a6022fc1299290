// What a person did, on its way to the disk. Each action is kept in this browser, and sent again, until the server says
// that it is saved. Its id makes sure that it is done once, however often it is sent.
import { keep, readKept } from "../../../board/browser/state/kept.js";

const LONGEST_BATCH = 20;
const PAUSES_MS = [300, 1000, 2000, 4000, 8000, 15000];
const STUCK_MS = 60_000; // a name for a hundred thousand crops takes a while

export class Sender {
  constructor({ project, run, onChange, onAnswer }) {
    this.prefix = `anomalure.${project}.group.`;
    this.run = run;
    this.onChange = onChange;
    this.onAnswer = onAnswer;
    this.items = this.#readKept();
    this.sending = false;
    this.failures = 0;
    this.problem = "";
    this.kept = true;
    this.timer = 0;
    this.k = 0;
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

  add(item) {
    this.items.push(item);
    this.kept = keep(this.prefix + item.id, item); // if not, the page asks before it is left
    this.onChange();
    if (!this.failures) this.#send();
  }

  sendNow() {
    clearTimeout(this.timer);
    this.#send();
  }

  renewPass({ pass, reviewer }) {
    for (const item of this.items) if (item.reviewer === reviewer) item.pass = pass;
    if (this.items.length) this.sendNow();
  }

  async #send() {
    if (this.sending || !this.items.length) return;
    this.sending = true;
    const { run } = this.items[0];
    const batch = this.items.filter((item) => item.run === run).slice(0, LONGEST_BATCH);
    let values = null;
    try {
      const answer = await fetch(`/api/runs/${encodeURIComponent(run)}/groups/actions`, {
        method: "POST",
        credentials: "same-origin",
        priority: "high",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ k: this.k, actions: batch.map(({ run: _, reviewer: __, ...rest }) => rest) }),
        signal: AbortSignal.timeout(STUCK_MS),
      });
      values = await answer.json().catch(() => ({}));
      if (answer.status === 404 && values.error) {
        values = { saved: {}, refused: Object.fromEntries(batch.map(({ id }) => [id, values.error])) };
      } else if (!answer.ok) {
        throw new Error(values.error || `The dashboard answered with ${answer.status}.`);
      }
      this.failures = 0;
      this.problem = "";
      this.#forget(new Set([...Object.keys(values.saved), ...Object.keys(values.refused)]));
    } catch (error) {
      values = null;
      this.problem = error.name === "TypeError" || error.name === "TimeoutError" ? "The dashboard does not answer." : error.message;
      this.failures++;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#send(), PAUSES_MS[Math.min(this.failures, PAUSES_MS.length) - 1]);
    }
    this.sending = false;
    if (values) this.onAnswer({ ...values, items: batch, state: run === this.run ? values.state : null });
    this.onChange();
    if (!this.failures && this.items.length) this.#send();
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
    return items.filter(({ id, run, kind }) => id && run && kind).sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}
