// The board: what is looked at, what is decided, and which part draws it.
import { Bar } from "./bar.js";
import { askNote, askSpecies, showHelp, showHistory } from "./dialogs.js";
import { WORDS, count, make } from "./elements.js";
import { Grid } from "./grid.js";
import { Keys, isElsewhere } from "./keys.js";
import { Outbox, newId } from "./outbox.js";
import { Pictures } from "./pictures.js";
import { Rows } from "./rows.js";
import { Single } from "./single.js";
import { Steps } from "./steps.js";
import { Strip } from "./strip.js";
import { ask, cropPicture, photoPicture, runPath } from "./addresses.js";

const AHEAD = 240;
const PHOTOS_AHEAD = 3;
export const PAGE_SIZES = [12, 24, 48, 96];

export class Board {
  constructor({ parentElement, data }) {
    this.parent = parentElement;
    this.data = data;
    this.run = data.run;
    this.keys = new Keys();
    this.drafts = new Map(); // of notes, by the crops that they are about
    this.pictures = new Pictures();
    this.steps = new Steps();
    this.marked = new Set();
    this.anchor = null;
    this.cursor = 0;
    this.choices = this.#readChoices();
    this.rows = new Rows({ run: data.run, query: data.query, total: data.total, rows: data.rows });
    this.counts = { selected: data.selected, decided: data.decided, today: data.today.n };
    this.todayStart = data.today.first ? Date.parse(data.today.first) : 0;
    this.outbox = new Outbox({
      project: data.project,
      onChange: () => this.bar?.showSaving(),
      onSaved: (items) => this.#markSaved(items),
      onRefused: (items, reasons) => this.#refuse(items, reasons),
    });
    this.#build();
    this.#restore();
    this.listen = (event) => this.#onKey(event);
    document.addEventListener("keydown", this.listen, true);
    this.leave = (event) => {
      if (this.outbox.waiting && !this.outbox.kept) event.preventDefault();
    };
    window.addEventListener("beforeunload", this.leave);
    document.cookie = `anomalure_reviewer=${encodeURIComponent(data.reviewer)}; path=/; max-age=31536000; SameSite=Strict`;
  }

  // The page's script ran again: the same queue goes on as it is, with what is new of reviewer and pass.
  accepts(data) {
    return data.token === this.data.token && this.root.isConnected;
  }

  renew({ data }) {
    const changed = data.reviewer !== this.data.reviewer;
    this.data = { ...this.data, pass: data.pass, reviewer: data.reviewer };
    this.outbox.renewPass(data);
    if (changed) {
      document.cookie = `anomalure_reviewer=${encodeURIComponent(data.reviewer)}; path=/; max-age=31536000; SameSite=Strict`;
      this.bar.show();
    }
  }

  end() {
    document.removeEventListener("keydown", this.listen, true);
    window.removeEventListener("beforeunload", this.leave);
    this.outbox.end();
    this.single.end();
    this.root.remove();
  }

  #build() {
    this.live = make("div", { cls: "unseen", attrs: { "aria-live": "polite", role: "status" } });
    this.bar = new Bar(this);
    this.grid = new Grid(this);
    this.single = new Single(this);
    this.strip = new Strip(this);
    this.stage = make("div", { cls: "stage" });
    this.root = make("div", { cls: "board", attrs: { role: "region", "aria-label": "Crops to review" } }, [
      this.bar.element, this.stage, this.bar.actions, this.strip.element, this.live,
    ]);
    const mount = this.parent.querySelector(".mount") || this.parent;
    mount.append(this.root);
  }

  // What was decided here before a reload, and is not saved yet, is shown as decided; what was saved can be undone.
  #restore() {
    const waiting = [];
    for (const item of this.outbox.items) {
      if (item.run !== this.run) continue;
      const row = this.rows.byCrop.get(item.crop);
      if (!row) continue;
      const after = { verdict: item.verdict || "", species: item.species, note: item.note };
      const change = { crop: item.crop, before: stateOf(row), after };
      this.counts.decided += (after.verdict ? 1 : 0) - (row.verdict ? 1 : 0);
      this.#setState(row, after, "waiting");
      waiting.push(change);
    }
    const first = this.#firstUndecided(0);
    this.cursor = first === -1 ? 0 : first;
    for (const one of [...this.data.last].reverse()) {
      const { crop, verdict, species, note, before } = one;
      this.steps.add({ words: WORDS[verdict], changes: [{ crop, before, after: { verdict, species, note } }] });
    }
    this.strip.fill(this.data.last);
    for (const change of waiting) {
      this.steps.add({ words: WORDS[change.after.verdict], changes: [change] });
      if (change.after.verdict) this.strip.add({ crop: change.crop, before: change.before, ...change.after });
      else this.strip.remove(change.crop);
    }
    this.#showView();
    if (this.outbox.waiting) this.outbox.sendNow();
    this.#prepare();
  }

  // Looking

  get row() {
    return this.rows.at(this.cursor);
  }

  get pageSize() {
    return this.choices.pageSize;
  }

  get pageStart() {
    return this.cursor - (this.cursor % this.pageSize);
  }

  pageRows() {
    const rows = [];
    for (let place = this.pageStart; place < Math.min(this.pageStart + this.pageSize, this.rows.total); place++) {
      const row = this.rows.at(place);
      if (row) rows.push(row);
    }
    return rows;
  }

  #showView() {
    this.stage.replaceChildren(this.choices.single ? this.single.element : this.grid.element);
    if (this.choices.single) this.single.show();
    else this.grid.show();
    this.bar.show();
  }

  choose(changes) {
    Object.assign(this.choices, changes);
    try { localStorage.setItem("anomalure.board", JSON.stringify(this.choices)); } catch { /* for this visit only */ }
    this.#showView();
    this.#prepare();
  }

  #readChoices() {
    const usual = { single: false, cardPx: 200, pageSize: 24, advance: true, photo: true };
    try {
      const kept = JSON.parse(localStorage.getItem("anomalure.board") || "{}");
      const pageSize = PAGE_SIZES.includes(kept.pageSize) ? kept.pageSize : usual.pageSize;
      return { ...usual, ...kept, pageSize };
    } catch {
      return usual;
    }
  }

  // Go to a place of the queue; painted at once if its row and picture are there, which they are unless one jumps.
  async go(place, { focus = true } = {}) {
    if (place < 0 || place >= this.rows.total) return;
    const before = this.pageStart;
    this.cursor = place;
    const from = this.choices.single ? place : this.pageStart;
    const to = this.choices.single ? place + 1 : this.pageStart + this.pageSize;
    if (!this.rows.has(from, to)) {
      this.stage.classList.add("fetching");
      try {
        await this.rows.fetch(from, to);
      } catch (error) {
        this.bar.warn(`The next crops could not be fetched. ${error.message}`);
      }
      this.stage.classList.remove("fetching");
      if (this.cursor !== place) return;
    }
    if (this.choices.single) this.single.show();
    else if (before !== this.pageStart || !this.grid.shows(this.pageStart)) this.grid.show({ focus });
    else this.grid.moveCursor({ focus });
    this.bar.show();
    this.#prepare();
  }

  step(by, { extend = false } = {}) {
    const from = this.cursor;
    const to = Math.max(0, Math.min(this.rows.total - 1, from + by));
    if (to === from) return;
    if (extend) {
      if (this.anchor === null) this.anchor = from;
      this.#markRange(this.anchor, to);
    } else {
      this.anchor = null;
    }
    this.go(to);
  }

  turnPage(by) {
    const start = this.pageStart + by * this.pageSize;
    if (start < 0 || start >= this.rows.total) return;
    this.go(start);
  }

  #firstUndecided(from) {
    for (let place = from; place < this.rows.total; place++) {
      const row = this.rows.at(place);
      if (!row) return -1;
      if (!row.verdict) return place;
    }
    return -1;
  }

  // The next crop without a verdict, after this one first, then from the beginning.
  async goNextUndecided() {
    for (const [from, to] of [[this.cursor + 1, this.rows.total], [0, this.cursor]]) {
      for (let place = from; place < to; place++) {
        if (!this.rows.at(place)) await this.rows.fetch(place, place + this.pageSize).catch(() => {});
        const row = this.rows.at(place);
        if (!row) break;
        if (!row.verdict) {
          this.go(place);
          return true;
        }
      }
    }
    return false;
  }

  // Fetch rows and decode pictures ahead of the reviewer.
  #prepare() {
    const ahead = Math.max(AHEAD, 2 * this.pageSize);
    const paint = () => {
      this.pictures.forgetQueue();
      const last = this.choices.single ? this.cursor + 24 : this.pageStart + 2 * this.pageSize;
      for (let place = this.cursor; place < Math.min(last, this.rows.total); place++) {
        const row = this.rows.at(place);
        if (row) this.pictures.prepare(cropPicture(this.run, row.crop));
      }
      if (this.choices.single) {
        for (let n = 1; n <= PHOTOS_AHEAD; n++) {
          const row = this.rows.at(this.cursor + n);
          if (row) this.pictures.prepare(photoPicture(this.run, row.photo));
        }
      } else {
        this.grid.buildNext();
      }
    };
    if (this.rows.has(this.pageStart, this.pageStart + ahead)) setTimeout(paint, 0);
    else this.rows.fetch(this.pageStart, this.pageStart + ahead).then(paint, () => {});
  }

  // Selecting

  toggleMark(crop) {
    if (this.marked.has(crop)) this.marked.delete(crop);
    else this.marked.add(crop);
    this.#showMarks();
  }

  #markRange(from, to) {
    for (let place = Math.min(from, to); place <= Math.max(from, to); place++) {
      const row = this.rows.at(place);
      if (row) this.marked.add(row.crop);
    }
    this.#showMarks();
  }

  extendTo(place) {
    if (this.anchor === null) this.anchor = this.cursor;
    this.#markRange(this.anchor, place);
    this.go(place);
  }

  markAll() {
    // Those that are to decide, so that nobody decides anew by the way; all of them where everything is decided.
    const rows = this.pageRows();
    const open = rows.filter((row) => !row.verdict);
    const crops = (open.length ? open : rows).map((row) => row.crop);
    const all = crops.every((crop) => this.marked.has(crop));
    for (const crop of crops) {
      if (all) this.marked.delete(crop);
      else this.marked.add(crop);
    }
    this.#showMarks();
  }

  async markEvent() {
    const row = this.row;
    if (!row) return;
    try {
      const event = await this.eventOf(row);
      for (const photo of event.photos) for (const crop of photo.crops) this.marked.add(this.rows.meet(crop).crop);
      if (event.more) this.bar.warn(`This event is very long: its first ${count(event.photos.length, "photo")} are selected.`);
    } catch (error) {
      this.bar.warn(error.message);
    }
    this.#showMarks();
  }

  clearMarks() {
    this.marked.clear();
    this.anchor = null;
    this.#showMarks();
  }

  #showMarks() {
    this.grid.showMarks();
    this.single.showMarks();
    this.bar.showActions();
  }

  async eventOf(row) {
    this.events ||= new Map();
    if (!this.events.has(row.crop)) {
      const asked = ask(runPath(this.run, `crops/${row.crop}`)).then(({ event }) => event);
      this.events.set(row.crop, asked);
      asked.catch(() => this.events.delete(row.crop));
      if (this.events.size > 200) this.events.delete(this.events.keys().next().value);
    }
    return this.events.get(row.crop);
  }

  // Deciding

  // The crops that a decision is about: those selected, else the one that is up.
  targets() {
    if (this.marked.size) return [...this.marked];
    return this.row ? [this.row.crop] : [];
  }

  decide(verdict, { crops = this.targets(), species, note } = {}) {
    const changes = [];
    for (const crop of crops) {
      const row = this.rows.byCrop.get(crop);
      if (!row) continue;
      const before = stateOf(row);
      const after = { verdict, species: species ?? before.species, note: note ?? before.note };
      if (before.verdict === after.verdict && before.species === after.species && before.note === after.note) continue;
      changes.push({ crop, before, after });
    }
    const several = this.marked.size > 0;
    const wasUp = crops.length === 1 && this.row?.crop === crops[0];
    if (changes.length) {
      this.steps.add({ words: WORDS[verdict], changes });
      this.#apply(changes, "after");
    }
    const what = crops.length === 1 ? (this.rows.byCrop.get(crops[0])?.species || "crop") : count(crops.length, "crop");
    let said = `${what}: ${WORDS[verdict]}.`;
    if (several) {
      const last = Math.max(-1, ...crops.map((crop) => this.rows.places.get(crop) ?? -1));
      this.clearMarks();
      if (last >= 0) this.cursor = Math.min(last, this.rows.total - 1);
    }
    if (this.choices.advance && (wasUp || several)) said += this.#advance();
    else this.bar.show();
    this.say(said);
  }

  #advance() {
    for (let place = this.cursor + 1; place < this.rows.total; place++) {
      const row = this.rows.at(place);
      if (!row || !row.verdict) {
        this.go(place);
        return row ? ` Next: ${row.species || "whole frame"}, number ${place + 1}.` : "";
      }
    }
    if (this.choices.single) this.single.show();
    else this.grid.show();
    this.bar.show();
    return " That was the last one.";
  }

  takeBack(crop) {
    const row = this.rows.byCrop.get(crop);
    const change = this.strip.changeOf(crop);
    if (!change) return;
    this.steps.forget(crop);
    const after = change.before;
    if (row) this.#setState(row, after, "waiting");
    this.#send([{ crop, state: after }]);
    if (row) this.#redraw(row);
    this.strip.remove(crop);
    this.counts.today = Math.max(0, this.counts.today - 1);
    if (row && this.rows.places.has(crop)) this.counts.decided += (after.verdict ? 1 : 0) - 1;
    this.bar.show();
    this.say("Taken back.");
  }

  undo() {
    const step = this.steps.undo();
    if (!step) return;
    this.#apply(step.changes, "before");
    this.#showStep(step, "Taken back");
  }

  redo() {
    const step = this.steps.redo();
    if (!step) return;
    this.#apply(step.changes, "after");
    this.#showStep(step, "Decided again");
  }

  #showStep(step, word) {
    const place = this.rows.places.get(step.changes[0].crop);
    if (place !== undefined) this.go(place);
    else this.bar.show();
    this.say(`${word}: ${step.changes.length === 1 ? step.words : count(step.changes.length, "crop")}.`);
  }

  #apply(changes, side) {
    const items = [];
    for (const change of changes) {
      const to = change[side];
      const from = change[side === "after" ? "before" : "after"];
      const row = this.rows.byCrop.get(change.crop);
      if (row) {
        this.#setState(row, to, "waiting");
        this.#redraw(row);
      }
      const gained = (to.verdict ? 1 : 0) - (from.verdict ? 1 : 0);
      if (this.rows.places.has(change.crop)) this.counts.decided += gained;
      this.counts.today = Math.max(0, this.counts.today + gained);
      if (!this.todayStart) this.todayStart = Date.now();
      if (to.verdict) this.strip.add({ crop: change.crop, before: from, ...to });
      else this.strip.remove(change.crop);
      items.push({ crop: change.crop, state: to });
    }
    this.#send(items);
  }

  #send(items) {
    this.outbox.add(items.map(({ crop, state }) => ({
      id: newId(), run: this.run, crop, verdict: state.verdict || null, species: state.species, note: state.note,
      rate: this.rows.byCrop.get(crop)?.rate ?? null, pass: this.data.pass, reviewer: this.data.reviewer,
      at: Date.now(),
    })));
  }

  #setState(row, { verdict, species, note }, saving) {
    row.verdict = verdict;
    row.verdictSpecies = species;
    row.note = note;
    row.reviewer = verdict ? this.data.reviewer : "";
    row.saving = saving;
  }

  #redraw(row) {
    this.grid.update(row);
    this.single.update(row);
  }

  #markSaved(items) {
    const waiting = new Set(this.outbox.items.map(({ crop }) => crop));
    for (const { crop } of items) {
      const row = this.rows.byCrop.get(crop);
      if (waiting.has(crop)) continue;
      this.strip.markSaved(crop);
      if (!row) continue;
      row.saving = "saved";
      this.#redraw(row);
    }
    performance.mark("anomalure-saved");
  }

  #refuse(items, reasons) {
    for (const { id, crop } of items) {
      const row = this.rows.byCrop.get(crop);
      if (row) {
        row.saving = "refused";
        this.#redraw(row);
      }
      this.bar.warn(`A decision was not kept. ${reasons.get(id)}`);
    }
  }

  say(text) {
    this.live.textContent = text;
  }

  // Buttons show their keys: draw them anew.
  renewKeys() {
    const [bar, single] = [this.bar, this.single];
    this.bar = new Bar(this);
    this.single = new Single(this);
    bar.element.replaceWith(this.bar.element);
    bar.actions.replaceWith(this.bar.actions);
    single.end();
    this.grid.next = { start: -1, cards: null };
    this.#showView();
  }

  // Keys

  #onKey(event) {
    if (isElsewhere(event, this.root)) return;
    if (event.key === "Escape") {
      if (this.marked.size) this.clearMarks();
      else if (this.choices.single) this.choose({ single: false });
      else return;
    } else if (event.key === "Enter" && event.composedPath()[0].matches?.(".card")) {
      this.choose({ single: true });
    } else {
      const command = this.keys.command(event);
      if (!command) return;
      performance.mark("anomalure-key");
      this.do(command, { extend: event.shiftKey });
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  do(command, { extend = false } = {}) {
    const columns = this.choices.single ? 1 : this.grid.columns();
    switch (command) {
      case "accept": return this.decide("anomaly");
      case "reject": return this.decide("normal");
      case "unsure": return this.decide("unsure");
      case "next": return this.step(1, { extend });
      case "previous": return this.step(-1, { extend });
      case "down": return this.step(columns, { extend });
      case "up": return this.step(-columns, { extend });
      case "nextUndecided": return this.goNextUndecided();
      case "nextPage": return this.turnPage(1);
      case "previousPage": return this.turnPage(-1);
      case "undo": return this.undo();
      case "redo": return this.redo();
      case "mark": return this.row && this.toggleMark(this.row.crop);
      case "markAll": return this.markAll();
      case "markEvent": return this.markEvent();
      case "open": return this.choose({ single: !this.choices.single });
      case "context": return this.choose(this.choices.single ? { photo: !this.choices.photo } : { single: true, photo: true });
      case "zoom": return this.choices.single ? this.single.toggleZoom() : this.choose({ single: true });
      case "alike": return this.choices.single ? this.single.showAlike() : this.choose({ single: true });
      case "species": return askSpecies(this);
      case "note": return askNote(this);
      case "history": return this.row && showHistory(this, this.row);
      case "help": return showHelp(this);
    }
  }
}

export function stateOf(row) {
  return { verdict: row.verdict, species: row.verdictSpecies, note: row.note };
}
