// The cards of the groups: holds what is seen and done, and tells the parts in view/ what to draw.
import { ask, runPath } from "../../board/browser/addresses.js";
import { isElsewhere } from "../../board/browser/keys.js";
import { keep, readKept } from "../../board/browser/state/kept.js";
import { count, make } from "../../board/browser/view/elements.js";
import { readCommand } from "./commands.js";
import { newId, whole } from "../../board/browser/state/outbox.js";
import { Asking } from "./state/asking.js";
import { GroupList, isNamed } from "./state/group_list.js";
import { Sender } from "./state/sender.js";
import { Bar } from "./view/bar.js";
import { goOn, knowsWho } from "../../board/browser/view/who.js";
import { MEANINGS, buildCard, nameOf, sayGroup, signOf } from "./view/card.js";
import { askName, showAllCrops, showHelp } from "./view/dialogs.js";

const LOOK_EVERY_MS = 4000;
const CHOICES = "anomalure.groups";
const DEFAULTS = { cardPx: 440, numbers: {} };

export class GroupsBoard {
  constructor({ parentElement, data, setTriggerValue }) {
    this.parent = parentElement;
    this.setTriggerValue = setTriggerValue;
    this.data = data;
    this.run = data.run;
    this.state = data.state;
    this.choices = { ...DEFAULTS, ...readKept(CHOICES) };
    this.k = this.choices.numbers[this.#numberName] ?? data.state.k;
    this.only = "all";
    this.asking = new Asking({
      fetchState: (seen) => ask(runPath(this.run, `groups?${new URLSearchParams({ k: this.k, reviewer: this.data.reviewer, ...(seen ? { seen } : {}) })}`)),
      onState: (state, { fresh }) => this.#take(state, { fresh }),
      onError: (error) => this.bar.warn(error.message),
    });
    this.cards = new Map(); // by group: { sign, element }
    this.list = new GroupList();
    this.sender = new Sender({
      project: data.project, run: data.run, onChange: () => this.bar?.showSaving(), onAnswer: (answer) => this.#takeAnswer(answer),
    });
    this.sender.k = this.k;
    this.#build();
    this.#take(data.state, { fresh: true });
    this.listen = (event) => this.#onKey(event);
    document.addEventListener("keydown", this.listen, true);
    this.leave = (event) => {
      if (this.sender.waiting && !this.sender.kept) event.preventDefault();
    };
    window.addEventListener("beforeunload", this.leave);
    this.timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.sender.renewPass(data); // the pass of decisions from before a reload may not be valid any more
    if (this.k !== data.state.k) this.asking.ask({ fresh: true });
  }

  // Whether the page's script, which ran again, describes the run that is shown: then the cards stay as they are.
  accepts(data) {
    return data.token === this.data.token && this.root.isConnected;
  }

  renew({ pass, reviewer }) {
    this.data = { ...this.data, pass, reviewer };
    this.sender.renewPass(this.data);
    this.#look({ always: true });
    goOn(this);
  }

  end() {
    clearInterval(this.timer);
    document.removeEventListener("keydown", this.listen, true);
    window.removeEventListener("beforeunload", this.leave);
    this.sender.end();
    this.root.remove();
  }

  get #numberName() {
    return `${this.data.project}/${this.run}`;
  }

  #build() {
    this.live = make("div", { cls: "unseen", attrs: { "aria-live": "polite", role: "status" } });
    this.bar = new Bar(this);
    this.grid = make("div", { cls: "packs" });
    this.root = make("div", { cls: "board groups", attrs: { role: "region", "aria-label": "Groups of crops" } }, [this.bar.element, this.grid, this.live]);
    this.root.style.setProperty("--pack", `${this.choices.cardPx}px`);
    (this.parent.querySelector(".mount") || this.parent).append(this.root);
  }

  // Taking what the server says

  #take(state, { fresh = false } = {}) {
    this.state = state;
    this.list.take(state.groups, { fresh, waiting: this.sender.items.filter(({ run }) => run === this.run) });
    if (fresh) {
      this.hidden = new Set(this.only === "all" ? [] : this.list.groups.filter((group) => isNamed(group) === (this.only === "open")).map(({ id }) => id));
      const first = this.list.groups.findIndex((group) => !isNamed(group) && !this.hidden.has(group.id));
      if (first > 0) this.list.go(first);
    }
    this.#draw();
  }

  // Look whether somebody else did something.
  #look({ always = false } = {}) {
    if (document.hidden || this.sender.waiting || !this.root.isConnected) return;
    this.asking.ask({ seen: always ? "" : this.state.seen });
  }

  #takeAnswer({ saved, refused, items, state }) {
    for (const { id, kind } of items) {
      if (refused[id]) this.bar.warn(refused[id]);
      else if (saved[id]?.kept) this.bar.warn(`${count(saved[id].kept, "crop")} of the group kept what a person had said on looking at them.`);
      else if (saved[id] && kind === "name") performance.mark("anomalure-group-saved");
    }
    const isStep = items.some(({ id, kind }) => saved[id] && (kind === "undo" || kind === "redo"));
    const before = isStep && !this.sender.waiting ? this.list.describe() : null;
    if (state && state.k === this.k) this.asking.take(state);
    else this.asking.ask();
    if (before) this.#goToChanged(before);
  }

  // What an undo or a redo has changed may lie far off.
  #goToChanged(before) {
    const changed = this.list.findChanged(before).find((id) => !this.hidden?.has(id));
    if (!changed || this.root.querySelector("dialog")) return;
    this.list.goTo(changed);
    this.#showFocus();
    this.focusCard();
  }

  chooseNumber(k) {
    this.k = Math.max(1, Math.min(this.state.most, Math.round(k) || this.state.suggested));
    this.sender.k = this.k;
    this.choices.numbers = { ...this.choices.numbers, [this.#numberName]: this.k === this.state.suggested ? undefined : this.k };
    keep(CHOICES, this.choices);
    this.bar.number.value = String(this.k);
    this.bar.slider.value = String(this.k);
    this.asking.ask({ fresh: true });
  }

  showOnly(which) {
    this.only = which;
    this.#take(this.state, { fresh: true });
  }

  resize(px) {
    this.choices.cardPx = px;
    keep(CHOICES, this.choices);
    this.root.style.setProperty("--pack", `${px}px`);
  }

  // Drawing

  #draw() {
    const hadFocus = this.grid.contains(this.grid.getRootNode().activeElement);
    const shown = this.shown();
    const elements = shown.map((group) => {
      const sign = signOf(group);
      const kept = this.cards.get(group.id);
      if (kept?.sign === sign) return kept.element;
      const element = buildCard(this, group);
      this.cards.set(group.id, { sign, element });
      return element;
    });
    const ids = new Set(this.list.groups.map(({ id }) => id));
    for (const id of this.cards.keys()) if (!ids.has(id)) this.cards.delete(id);
    const same = elements.length === this.grid.children.length && elements.every((element, n) => element === this.grid.children[n]);
    if (!same) this.grid.replaceChildren(...elements);
    if (!elements.length) this.grid.replaceChildren(make("p", { cls: "none", text: this.only === "open" ? "Every group has a name." : "No group has a name yet." }));
    this.#showFocus();
    if (hadFocus && !same) this.focusCard();
    this.bar.show();
  }

  shown() {
    return this.list.groups.filter(({ id }) => !this.hidden?.has(id));
  }

  #showFocus() {
    for (const [id, { element }] of this.cards) {
      element.classList.toggle("next", id === this.list.current?.id);
      const isMarked = this.list.marked.has(id);
      element.classList.toggle("marked", isMarked);
      element.querySelector(".mark").checked = isMarked;
    }
  }

  focusCard() {
    const card = this.cards.get(this.list.current?.id)?.element;
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: "nearest" });
  }

  focusOn(id, { quiet = false } = {}) {
    this.list.goTo(id);
    this.#showFocus();
    if (!quiet) this.cards.get(id)?.element.focus({ preventScroll: true });
  }

  say(text) {
    this.live.textContent = text;
  }

  // Moving

  step(by) {
    const shown = this.shown();
    const place = shown.findIndex(({ id }) => id === this.list.current?.id);
    const to = shown[Math.max(0, Math.min(shown.length - 1, place + by))];
    if (!to) return;
    this.list.goTo(to.id);
    this.#showFocus();
    this.focusCard();
    this.say(sayGroup(to));
  }

  get columns() {
    const tops = [...this.grid.children].map((card) => card.offsetTop);
    return Math.max(1, tops.filter((top) => top === tops[0]).length);
  }

  goNextOpen() {
    const place = this.list.nextOpen();
    if (place === -1) {
      this.say("Every group has a name.");
      return;
    }
    this.list.go(place);
    this.#showFocus();
    this.focusCard();
  }

  // Doing

  #add(kind, values = {}) {
    // What was seen, so that nobody's name is taken back by somebody who did not see it.
    const seen = (values.groups ?? []).map((id) => this.list.byId.get(id)).filter(Boolean);
    const saw = Object.fromEntries(seen.map(({ id, meaning, species, reviewer }) => [id, [meaning, species, reviewer]]));
    const item = {
      saw, id: newId(), run: this.run, tree: this.state.tree, k: this.k, kind, ...values, pass: this.data.pass, reviewer: this.data.reviewer, at: Date.now(),
    };
    this.asking.drop();
    this.list.overlay(item);
    this.sender.add(item);
    this.#draw();
  }

  name(id, meaning, species = "") {
    const group = this.list.byId.get(id);
    if (!group || group.saving === "busy") return;
    if (!knowsWho(this, () => this.name(id, meaning, species))) return;
    this.list.goTo(id);
    performance.mark("anomalure-key");
    this.#add("name", { groups: [id], meaning, species: meaning === "nothing" || meaning === "people" ? "" : whole(species) });
    if (species && !this.state.names.includes(species)) this.state.names = [...this.state.names, species];
    this.goNextOpen();
    this.say(`${count(group.n, "crop")}: ${nameOf(group) || MEANINGS[meaning][0]}.`);
  }

  takeGuess(n) {
    const group = this.list.current;
    const guess = group?.guesses[n];
    if (!guess) return;
    if (guess[0] === this.state.noAnimal) this.name(group.id, "nothing");
    else this.name(group.id, group.meaning === "odd" ? "odd" : "species", guess[0]);
  }

  confirm() {
    const group = this.list.current;
    if (group?.source === "suggested") this.name(group.id, group.meaning, group.species);
  }

  split() {
    const group = this.list.current;
    if (!group || group.saving === "busy") return;
    if (!knowsWho(this, () => this.split())) return;
    if (group.n < 2) {
      this.bar.warn("A group of one crop cannot be split.");
      return;
    }
    this.#add("split", { groups: [group.id] });
    this.say("Split.");
  }

  join() {
    const ids = [...this.list.marked];
    if (ids.length < 2) {
      this.bar.warn("Mark two groups first (X), then join them (J).");
      return;
    }
    if (!knowsWho(this, () => this.join())) return;
    this.list.marked.clear();
    this.list.goTo(ids[0]);
    this.#add("merge", { groups: ids });
    this.say(`${count(ids.length, "group")} joined.`);
  }

  mark(id = this.list.current?.id) {
    if (!id) return;
    this.list.toggleMark(id);
    this.#showFocus();
    this.bar.show();
  }

  takeOut(id, crop) {
    if (!knowsWho(this, () => this.takeOut(id, crop))) return;
    this.list.goTo(id);
    this.#add("take_out", { groups: [id], crops: [crop] });
    this.say("Taken out. Z puts it back.");
  }

  undo() {
    if (!this.state.undo && !this.sender.waiting) {
      this.say("There is nothing to undo.");
      return;
    }
    if (!knowsWho(this, () => this.undo())) return;
    this.#add("undo");
    this.say("Undone.");
  }

  redo() {
    if (!this.state.redo && !this.sender.waiting) {
      this.say("There is nothing to do again.");
      return;
    }
    if (!knowsWho(this, () => this.redo())) return;
    this.#add("redo");
    this.say("Done again.");
  }

  showAll(id = this.list.current?.id) {
    const group = this.list.byId.get(id);
    if (group) showAllCrops(this, group);
  }

  // Keys

  #onKey(event) {
    if (isElsewhere(event, this.root)) return;
    const target = event.composedPath()[0];
    if (event.key === "Enter" && target.matches?.("button, input, a, summary, label")) return; // it presses the button
    const command = readCommand(event);
    if (!command) return;
    this.do(command);
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  do(command) {
    const group = this.list.current;
    const keepName = group?.species ?? "";
    if (command.guess !== undefined) return this.takeGuess(command.guess);
    const acts = {
      name: () => group && askName(this, group),
      usual: () => group && (keepName ? this.name(group.id, "species", keepName) : askName(this, group)),
      odd: () => group && this.name(group.id, "odd", keepName),
      nothing: () => group && this.name(group.id, "nothing"),
      people: () => group && this.name(group.id, "people"),
      confirm: () => this.confirm(),
      mixed: () => this.split(),
      mark: () => this.mark(),
      join: () => this.join(),
      undo: () => this.undo(),
      redo: () => this.redo(),
      next: () => this.step(1),
      previous: () => this.step(-1),
      down: () => this.step(this.columns),
      up: () => this.step(-this.columns),
      nextOpen: () => this.goNextOpen(),
      all: () => this.showAll(),
      help: () => showHelp(this),
    };
    return acts[command]();
  }
}
