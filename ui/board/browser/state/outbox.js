// Decisions about crops on their way to the disk.
import { Sending } from "./sending.js";

const LONGEST_BATCH = 500;
const STUCK_MS = 20_000;

export function newId() {
  const random = crypto.getRandomValues(new Uint8Array(10));
  const tail = [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return Date.now().toString(16).padStart(12, "0") + tail;
}

// Signs that nobody sees, such as marks that turn the order of letters. Joiners stay: words and emoji are spelled with them.
const HIDDEN = /(?![\s\u200c\u200d])[\p{Cc}\p{Cf}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0]/gu;
export const dropHidden = (text) => text.replace(HIDDEN, "");

// A text as the server keeps it: without such signs, and without half of a character, which a cut in the middle of an
// emoji leaves and which could not be written down.
export const whole = (text) => (typeof text === "string" ? dropHidden(text.toWellFormed?.() ?? text) : text);

export class Outbox extends Sending {
  constructor({ project, onChange, onSaved, onRefused }) {
    super({ prefix: `anomalure.${project}.decision.`, longestBatch: LONGEST_BATCH, stuckMs: STUCK_MS, onChange });
    this.onSaved = onSaved;
    this.onRefused = onRefused;
  }

  isWhole({ id, crop }) {
    return id && crop;
  }

  renewPass({ pass, reviewer }) {
    let changed = false;
    for (const item of this.items) {
      if ((item.reviewer === reviewer || !item.reviewer) && item.pass !== pass) {
        Object.assign(item, { pass, reviewer }); // what was decided before the name was given is this person's, too
        changed = true;
      }
    }
    if (this.items.length && (changed || this.failures)) this.sendNow();
  }

  address() {
    return "/api/verdicts";
  }

  body(run, batch) {
    const now = Date.now();
    const decisions = batch.map(({ id, crop, kind, seen, verdict, species, note, given_to, rate, pass, at }) => ({
      id, crop, kind, seen, verdict, species, note, given_to, rate, pass, age_ms: Math.max(0, now - at),
    }));
    return { run, decisions };
  }

  lane({ crop }) {
    return crop;
  }

  take(values, batch) {
    this.forget(new Set(values.saved));
    this.onSaved(batch.filter(({ id }) => values.saved.includes(id)));
    this.#drop(Object.entries(values.refused), values.now);
  }

  #drop(refused, now) {
    if (!refused.length) return;
    const reasons = new Map(refused);
    const items = this.items.filter(({ id }) => reasons.has(id));
    this.forget(new Set(reasons.keys()));
    this.onRefused(items, reasons, now);
  }
}
