// What the reviewer decides. A decision changes its row at once, goes to the outbox, and can be taken back.
// group: the group of crops that the verdict was given to; empty where a reviewer decided about the crop itself.
import { newId, whole } from "./outbox.js";
import { Steps } from "./steps.js";

const UNDECIDED = { verdict: "", species: "", note: "", group: "" };

const stateOf = (row) => ({ verdict: row.verdict, species: row.verdictSpecies, note: row.note, group: row.givenTo || "" });
const isSame = (one, other) => Object.keys(UNDECIDED).every((name) => one[name] === other[name]);
const gain = (from, to) => Number(Boolean(to.verdict)) - Number(Boolean(from.verdict));

export class Decisions {
  // onChange({ crop, row, state, isOurs }) hears of every change. row is missing where the crop was not fetched;
  // isOurs: the state is a decision that this reviewer made and can take back.
  constructor({ data, rows, outbox, onChange }) {
    this.run = data.run;
    this.rows = rows;
    this.outbox = outbox;
    this.onChange = onChange;
    this.steps = new Steps();
    this.versions = new Map(); // for each crop that was decided here: the id of the decision that is valid then
    this.history = new Map(); // for each crop that this reviewer decided: its states, from the one before up to now
    this.counts = { selected: data.selected, decided: data.decided, today: data.today.n };
    this.todayStart = data.today.first ? Date.parse(data.today.first) : 0;
    this.renew(data);
  }

  renew({ reviewer, pass }) {
    this.reviewer = reviewer;
    this.pass = pass;
  }

  // After a reload: decisions that were saved can be undone, and those that wait are shown as decided.
  // last: the reviewer's last decisions, newest first, each with the state before.
  restore(last) {
    for (const { crop, id, before, ...after } of [...last].reverse()) {
      if (!this.rows.byCrop.has(crop)) this.versions.set(crop, id);
      this.steps.add([{ crop, before, after }]);
      this.#push({ crop, before, after });
      this.onChange({ crop, row: null, state: { ...after, saving: "saved" }, isOurs: true });
    }
    for (const item of this.outbox.items) {
      const row = this.rows.byCrop.get(item.crop);
      if (item.run !== this.run || !row) continue;
      if (item.kind === "note") {
        row.note = item.note;
        continue;
      }
      const before = stateOf(row);
      const after = { verdict: item.verdict || "", species: item.species, note: item.note, group: item.given_to || "" };
      const change = { crop: item.crop, before, after };
      this.versions.set(item.crop, after.verdict ? item.id : "");
      this.steps.add([change]);
      if (after.verdict) this.#push(change);
      else this.history.delete(item.crop);
      this.counts.decided += gain(before, after);
      this.#show(item.crop, after);
    }
  }

  // Decide about crops that were fetched. What is not given stays as it is.
  decide(verdict, crops, { species, note } = {}) {
    const changes = [];
    for (const crop of crops) {
      const row = this.rows.byCrop.get(crop);
      if (!row) continue;
      const before = stateOf(row);
      const after = { verdict, species: whole(species ?? before.species), note: whole(note ?? before.note), group: "" };
      if (!isSame(before, after)) changes.push({ crop, before, after });
    }
    if (!changes.length) return;
    this.steps.add(changes);
    this.#make(changes);
  }

  // Write about crops without deciding. A crop that is decided keeps its verdict, and the note goes with it.
  note(crops, text) {
    const note = whole(text);
    const rows = crops.map((crop) => this.rows.byCrop.get(crop)).filter(Boolean);
    for (const row of rows.filter(({ verdict }) => verdict)) this.decide(row.verdict, [row.crop], { note });
    const open = rows.filter((row) => !row.verdict && row.note !== note);
    for (const row of open) {
      row.note = note;
      this.onChange({ crop: row.crop, row, state: { verdict: "", species: "", note, saving: "waiting" }, isOurs: false });
    }
    this.outbox.add(open.map(({ crop }) => ({
      id: newId(), run: this.run, crop, kind: "note", note, pass: this.pass, reviewer: this.reviewer, at: Date.now(),
    })));
  }

  // Undo the last step, and return it; undefined if there is none.
  undo() {
    const step = this.steps.undo();
    if (step) this.#takeBack(step);
    return step;
  }

  redo() {
    const step = this.steps.redo();
    if (step) this.#make(step);
    return step;
  }

  // Take back the last decision on one crop, whichever came after it. Returns false if there is none.
  takeBack(crop) {
    const row = this.rows.byCrop.get(crop);
    const [before, after] = this.history.get(crop)?.slice(-2) ?? (row?.verdict ? [UNDECIDED, stateOf(row)] : []);
    if (!before) return false;
    this.steps.forget(crop);
    this.#takeBack([{ crop, before, after }]);
    return true;
  }

  // Returns the crops whose last decision is now saved.
  markSaved(items) {
    const waiting = new Set(this.outbox.items.map(({ crop }) => crop));
    const crops = items.map(({ crop }) => crop).filter((crop) => !waiting.has(crop));
    this.#mark(crops, "saved");
    return crops;
  }

  // now: by the decision's id, what is valid where somebody else has decided meanwhile; it is shown then. Else the crop
  // is again as it was before, so that what was not saved is neither shown nor counted as decided.
  markRefused(items, now = {}) {
    this.#mark(items.map(({ crop }) => crop), "refused");
    for (const item of items) {
      const { id, crop } = item;
      const row = this.rows.byCrop.get(crop);
      const [before, after] = this.history.get(crop)?.slice(-2) ?? [];
      const isLast = after && item.verdict === after.verdict && !this.outbox.items.some((one) => one !== item && one.crop === crop);
      if (isLast) this.counts.today = Math.max(0, this.counts.today - gain(before, after));
      if (!now[id]) {
        if (isLast) this.#giveUp(item, row, before, after);
        continue;
      }
      if (row && this.rows.ranks.has(crop)) this.counts.decided += gain(row, now[id]);
      if (row) Object.assign(row, now[id], { saving: "" });
      this.versions.set(crop, now[id].version);
      this.steps.forget(crop);
      this.history.delete(crop);
      const { verdict, verdictSpecies: species, note } = now[id];
      this.onChange({ crop, row, state: { verdict, species, note, saving: "saved" }, isOurs: false });
    }
  }

  #giveUp({ crop, seen }, row, before, after) {
    if (this.rows.ranks.has(crop)) this.counts.decided += gain(after, before);
    if (row) Object.assign(row, { verdict: before.verdict, verdictSpecies: before.species, note: before.note, givenTo: before.group });
    if (row && !before.verdict) row.reviewer = "";
    if (seen === null) this.versions.delete(crop);
    else this.versions.set(crop, seen);
    this.steps.forget(crop);
    this.history.delete(crop);
    this.onChange({ crop, row, state: { ...before, saving: "refused" }, isOurs: false });
  }

  #mark(crops, saving) {
    for (const row of crops.map((crop) => this.rows.byCrop.get(crop))) if (row) row.saving = saving;
  }

  #push({ crop, before, after }) {
    if (!this.history.has(crop)) this.history.set(crop, [before]);
    this.history.get(crop).push(after);
  }

  #make(changes) {
    for (const change of changes) this.#push(change);
    this.#apply(changes.map(({ crop, before, after }) => ({ crop, from: before, to: after })));
  }

  #takeBack(changes) {
    for (const { crop } of changes) {
      const states = this.history.get(crop);
      states?.pop();
      if (states?.length === 1) this.history.delete(crop);
    }
    this.#apply(changes.map(({ crop, before, after }) => ({ crop, from: after, to: before })));
  }

  #apply(changes) {
    const items = [];
    for (const { crop, from, to } of changes) {
      if (this.rows.ranks.has(crop)) this.counts.decided += gain(from, to);
      this.counts.today = Math.max(0, this.counts.today + gain(from, to));
      this.todayStart ||= Date.now();
      this.#show(crop, to);
      const id = newId();
      const seen = this.versions.get(crop) ?? this.rows.byCrop.get(crop)?.version ?? null;
      this.versions.set(crop, to.verdict ? id : "");
      items.push({
        id, run: this.run, crop, seen, verdict: to.verdict || null, species: to.species, note: to.note,
        given_to: to.group || "", rate: this.rows.byCrop.get(crop)?.rate ?? null, pass: this.pass, reviewer: this.reviewer, at: Date.now(),
      });
    }
    this.outbox.add(items);
  }

  #show(crop, { verdict, species, note, group }) {
    const row = this.rows.byCrop.get(crop);
    const reviewer = verdict ? this.reviewer : "";
    if (row) Object.assign(row, { verdict, verdictSpecies: species, note, reviewer, givenTo: group || "", saving: "waiting" });
    const isOurs = Boolean(verdict) && this.history.has(crop);
    this.onChange({ crop, row, state: { verdict, species, note, saving: "waiting" }, isOurs });
  }
}
