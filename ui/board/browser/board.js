// The review board: holds what is seen and decided, and tells the parts in view/ what to draw.
import { cropPicture, photoPicture } from "./addresses.js";
import { DO } from "./commands.js";
import { Keys, isElsewhere } from "./keys.js";
import { keepChoices, readChoices } from "./state/choices.js";
import { Cursor } from "./state/cursor.js";
import { Decisions } from "./state/decisions.js";
import { Marks } from "./state/marks.js";
import { Outbox } from "./state/outbox.js";
import { Rows } from "./state/rows.js";
import { Bar } from "./view/bar.js";
import { WORDS, count, make } from "./view/elements.js";
import { Grid } from "./view/grid.js";
import { Pictures } from "./view/pictures.js";
import { Single } from "./view/single.js";
import { Strip } from "./view/strip.js";
import { goOn, knowsWho } from "./view/who.js";

const ROWS_AHEAD = 240;
const CROPS_AHEAD = 24;
const PHOTOS_AHEAD = 3;

export class Board {
  constructor({ parentElement, data, setTriggerValue }) {
    this.parent = parentElement;
    this.setTriggerValue = setTriggerValue;
    this.data = data;
    this.run = data.run;
    this.keys = new Keys();
    this.drafts = new Map(); // of notes, by the crops that they are about
    this.pictures = new Pictures();
    this.choices = readChoices();
    this.rows = new Rows({ run: data.run, query: data.query, total: data.total, rows: data.rows });
    this.cursor = new Cursor({ rows: this.rows, choices: this.choices });
    this.marks = new Marks({ rows: this.rows, onChange: () => this.#showMarks() });
    this.outbox = new Outbox({
      project: data.project,
      onChange: () => this.bar?.showSaving(),
      onSaved: (items) => this.#showSaved(items),
      onRefused: (...what) => this.#showRefused(...what),
    });
    this.decisions = new Decisions({ data, rows: this.rows, outbox: this.outbox, onChange: (change) => this.#showChange(change) });
    this.#build();
    this.#start();
    this.listen = (event) => this.#onKey(event);
    document.addEventListener("keydown", this.listen, true);
    this.leave = (event) => {
      if (this.outbox.waiting && !this.outbox.kept) event.preventDefault();
    };
    window.addEventListener("beforeunload", this.leave);
  }

  // Whether the page's script, which ran again, describes the queue that is shown: then the board stays as it is.
  accepts(data) {
    return data.token === this.data.token && this.root.isConnected;
  }

  // The same queue; the reviewer's name and pass may be new.
  renew({ pass, reviewer }) {
    const changed = reviewer !== this.data.reviewer;
    this.data = { ...this.data, pass, reviewer };
    this.decisions.renew(this.data);
    this.outbox.renewPass(this.data);
    if (changed) this.bar.show();
    goOn(this);
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
    (this.parent.querySelector(".mount") || this.parent).append(this.root);
  }

  #start() {
    this.decisions.restore(this.data.last);
    const first = this.cursor.nextOpen(0);
    this.cursor.rank = this.rows.at(first) ? first : 0;
    this.#showView();
    this.outbox.renewPass(this.data); // the pass of decisions from before a reload may not be valid any more
    if (this.outbox.waiting) this.outbox.sendNow();
    this.#prepare();
  }

  get row() {
    return this.cursor.row;
  }

  // Drawing

  #showStage({ focus = false } = {}) {
    if (this.choices.single) this.single.show();
    else this.grid.show({ focus });
    this.bar.show();
  }

  #showView() {
    this.stage.replaceChildren(this.choices.single ? this.single.element : this.grid.element);
    this.#showStage();
  }

  #showMarks() {
    this.grid.showMarks();
    this.single.showMarks();
    this.bar.showActions();
  }

  #showChange({ crop, row, state, isOurs }) {
    if (row) this.#redraw(row);
    if (isOurs) this.strip.add({ crop, ...state });
    else this.strip.remove(crop);
  }

  #redraw(row) {
    this.grid.update(row);
    this.single.update(row);
  }

  #showSaved(items) {
    for (const crop of this.decisions.markSaved(items)) {
      this.strip.markSaved(crop);
      const row = this.rows.byCrop.get(crop);
      if (row) this.#redraw(row);
    }
    performance.mark("anomalure-saved");
  }

  #showRefused(items, reasons, now) {
    this.decisions.markRefused(items, now);
    for (const row of items.map(({ crop }) => this.rows.byCrop.get(crop))) if (row) this.#redraw(row);
    const [{ id, crop }] = items;
    const rank = this.rows.ranks.get(crop);
    const which = items.length > 1 ? `${count(items.length, "decision")} were not saved.` : "A decision was not saved.";
    this.bar.warn(`${which}${rank === undefined ? "" : ` Number ${rank + 1}:`} ${reasons.get(id)}`);
    this.bar.show();
  }

  // For screen readers.
  say(text) {
    this.live.textContent = text;
  }

  choose(changes) {
    Object.assign(this.choices, changes);
    keepChoices(this.choices);
    this.#showView();
    this.#prepare();
  }

  // Buttons show their keys, which have changed: draw them anew.
  renewKeys() {
    const [bar, single] = [this.bar, this.single];
    this.bar = new Bar(this);
    this.single = new Single(this);
    bar.element.replaceWith(this.bar.element);
    bar.actions.replaceWith(this.bar.actions);
    single.end();
    this.grid.forgetNext();
    this.#showView();
  }

  // Moving

  get columns() {
    return this.choices.single ? 1 : this.grid.columns();
  }

  // Go to a rank of the queue. Its row and picture are ready and painted at once, unless it is far away.
  async go(rank, { focus = true } = {}) {
    if (rank < 0 || rank >= this.rows.total) return;
    const { cursor } = this;
    const pageBefore = cursor.pageStart;
    cursor.rank = rank;
    if (!this.rows.has(...cursor.shown)) {
      this.stage.classList.add("fetching");
      try {
        await this.rows.fetch(...cursor.shown);
      } catch (error) {
        this.bar.warn(`The next crops could not be fetched. ${error.message}`);
      }
      this.stage.classList.remove("fetching");
      if (cursor.rank !== rank) return;
    }
    if (this.choices.single || pageBefore !== cursor.pageStart || !this.grid.shows(cursor.pageStart)) {
      this.#showStage({ focus });
    } else {
      this.grid.moveCursor({ focus });
      this.bar.show();
    }
    this.#prepare();
  }

  step(by, { extend = false } = {}) {
    const from = this.cursor.rank;
    const to = this.cursor.after(by);
    if (to === from) return;
    if (extend) this.marks.extend(from, to);
    else this.marks.endRange();
    this.go(to);
  }

  turnPage(by) {
    this.go(this.cursor.pageStart + by * this.cursor.pageSize);
  }

  extendTo(rank) {
    this.marks.extend(this.cursor.rank, rank);
    this.go(rank);
  }

  async goNextUndecided() {
    this.go(await this.cursor.findNextUndecided());
  }

  // Fetch rows and decode pictures ahead of the reviewer.
  #prepare() {
    const { cursor, rows, pictures } = this;
    const { pageStart, pageSize } = cursor;
    const ahead = pageStart + Math.max(ROWS_AHEAD, 2 * pageSize);
    const decode = () => {
      pictures.forgetQueue();
      const { rank } = cursor;
      const last = this.choices.single ? rank + CROPS_AHEAD : cursor.pageStart + 2 * cursor.pageSize;
      for (let n = rank; n < Math.min(last, rows.total); n++) {
        if (rows.at(n)) pictures.prepare(cropPicture(this.run, rows.at(n).crop));
      }
      if (this.choices.single) {
        for (let n = rank + 1; n <= rank + PHOTOS_AHEAD; n++) {
          if (rows.at(n)) pictures.prepare(photoPicture(this.run, rows.at(n).photo));
        }
      } else {
        this.grid.buildNext();
      }
    };
    if (rows.has(pageStart, ahead)) setTimeout(decode, 0);
    else rows.fetch(pageStart, ahead).then(decode, () => {});
  }

  async markEvent() {
    const { row } = this;
    if (!row) return;
    try {
      const { photos, more } = await this.rows.eventOf(row);
      this.marks.add(photos.flatMap(({ crops }) => crops.map((crop) => this.rows.meet(crop).crop)));
      if (more) this.bar.warn(`This event is very long: only its first ${count(photos.length, "photo")} are selected.`);
    } catch (error) {
      this.bar.warn(error.message);
    }
  }

  // Deciding

  // The crops that a decision is about: those that are selected, else the current one.
  targets() {
    if (this.marks.size) return [...this.marks.crops];
    return this.row ? [this.row.crop] : [];
  }

  decide(verdict, { crops = this.targets(), species, note } = {}) {
    if (!knowsWho(this, () => this.decide(verdict, { crops, species, note }))) return;
    const wasMarked = this.marks.size > 0;
    const isCurrent = crops.length === 1 && this.row?.crop === crops[0];
    this.decisions.decide(verdict, crops, { species, note });
    const what = crops.length === 1 ? this.rows.byCrop.get(crops[0])?.title || "crop" : count(crops.length, "crop");
    let said = `${what}: ${WORDS[verdict]}.`;
    if (wasMarked) {
      const last = Math.max(-1, ...crops.map((crop) => this.rows.ranks.get(crop) ?? -1));
      this.marks.clear();
      if (last >= 0) this.cursor.rank = this.cursor.clamp(last);
    }
    if (this.choices.advance && (isCurrent || wasMarked)) said += this.#advance();
    else this.bar.show();
    this.say(said);
  }

  // A note that decides nothing; where a crop is decided, it goes with the verdict.
  note(crops, text) {
    if (!knowsWho(this, () => this.note(crops, text))) return;
    this.decisions.note(crops, text);
    this.bar.show();
    this.say("Note saved.");
  }

  #advance() {
    const rank = this.cursor.nextOpen(this.cursor.rank + 1);
    if (rank === -1) {
      this.#showStage();
      return " That was the last one.";
    }
    this.go(rank);
    const row = this.rows.at(rank);
    return row ? ` Next: ${row.title}, number ${rank + 1}.` : "";
  }

  takeBack(crop) {
    if (!knowsWho(this, () => this.takeBack(crop))) return;
    if (!this.decisions.takeBack(crop)) return;
    this.bar.show();
    this.say("Undone.");
  }

  undo() {
    if (!knowsWho(this, () => this.undo())) return;
    this.#showStep(this.decisions.undo(), "Undone");
  }

  redo() {
    if (!knowsWho(this, () => this.redo())) return;
    this.#showStep(this.decisions.redo(), "Redone");
  }

  #showStep(step, word) {
    if (!step) return;
    const [{ crop, after }] = step;
    const rank = this.rows.ranks.get(crop);
    if (rank === undefined) this.bar.show();
    else this.go(rank);
    this.say(`${word}: ${step.length === 1 ? WORDS[after.verdict] : count(step.length, "crop")}.`);
  }

  // Keys

  #onKey(event) {
    if (isElsewhere(event, this.root)) return;
    if (event.key === "Escape") {
      if (this.marks.size) this.marks.clear();
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
    return DO[command](this, { extend });
  }
}
