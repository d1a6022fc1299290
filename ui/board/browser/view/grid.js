// A page of cards. A decision changes its card in place, and the next page is built before it is asked for.
import { cropPicture } from "../addresses.js";
import { WORDS, button, icon, make } from "./elements.js";
import { explainGuess, sayGuesses } from "./guesses.js";

const CARD_KEYS = ["accept", "reject", "unsure", "species", "note", "mark", "open"];

export class Grid {
  constructor(board) {
    this.board = board;
    this.element = make("ol", { cls: "grid", attrs: { "aria-label": "Crops" } });
    this.cards = new Map();
    this.start = -1;
    this.forgetNext();
    this.element.addEventListener("click", (event) => this.#onClick(event));
    this.element.addEventListener("focusin", (event) => this.#onFocus(event));
  }

  shows(start) {
    return this.start === start && this.element.isConnected && this.cards.size > 0;
  }

  columns() {
    return getComputedStyle(this.element).gridTemplateColumns.split(" ").length;
  }

  show({ focus = false } = {}) {
    const { board } = this;
    this.element.style.setProperty("--card", `${board.choices.cardPx}px`);
    this.start = board.cursor.pageStart;
    const rows = board.cursor.pageRows();
    const ready = this.next.start === this.start && this.next.size === board.cursor.pageSize ? this.next.cards : new Map();
    this.forgetNext();
    this.cards = new Map(rows.map((row, n) => [row.crop, ready.get(row.crop) || this.#build(row, this.start + n)]));
    for (const row of rows) this.update(row);
    this.element.replaceChildren(...this.cards.values());
    this.showMarks();
    this.moveCursor({ focus: focus || this.#hasFocus() });
  }

  #hasFocus() {
    const root = this.element.getRootNode();
    return Boolean(root.activeElement && this.board.root.contains(root.activeElement));
  }

  forgetNext() {
    this.next = { start: -1, size: 0, cards: null };
  }

  // Build the cards of the next page and decode their pictures, while the reviewer looks at this page.
  buildNext() {
    const { board } = this;
    const size = board.cursor.pageSize;
    const start = board.cursor.pageStart + size;
    if (this.next.start === start && this.next.size === size) return;
    if (start >= board.rows.total || !board.rows.has(start, start + size)) return;
    const cards = new Map();
    for (let rank = start; rank < Math.min(start + size, board.rows.total); rank++) {
      const row = board.rows.at(rank);
      const card = this.#build(row, rank);
      card.querySelector("img").decode().catch(() => {});
      cards.set(row.crop, card);
    }
    this.next = { start, size, cards };
  }

  #build(row, rank) {
    const { board } = this;
    const { keys } = board;
    const looks = sayGuesses(board.data, row);
    const { title } = row;
    const which = `number ${rank + 1}, ${title}`;
    const act = (verdict, command) => button(WORDS[verdict], {
      cls: `act ${verdict}`, title: `${WORDS[verdict]} (${keys.of(command)})`, label: `${WORDS[verdict]}: ${which}`, data: { verdict },
    });
    const picture = make("img", {
      attrs: { src: cropPicture(this.board.run, row.crop), alt: `${title}, number ${rank + 1}`, decoding: "sync", draggable: "false" },
    });
    picture.addEventListener("error", () => picture.parentElement.classList.add("missing"), { once: true });
    const mark = make("input", { cls: "mark", title: `Select (${keys.of("mark")})`, attrs: { type: "checkbox", "aria-label": `Select ${which}` } });
    const card = make("li", { cls: "card", attrs: { tabindex: "0", "aria-keyshortcuts": CARD_KEYS.map((name) => keys.of(name)).join(" ") }, data: { crop: row.crop, rank: String(rank) } }, [
      make("div", { cls: "picture" }, [
        picture,
        make("span", { cls: "rank", text: (rank + 1).toLocaleString("en") }),
        mark,
        button("", { symbol: "zoom_out_map", cls: "open", title: `See the whole photo (${keys.of("open")})`, label: `See the whole photo of ${which}` }),
        make("span", { cls: "badge" }),
      ]),
      make("div", { cls: "line" }, [
        make("span", { cls: "species" }),
        row.flagged && !this.board.data.flaggedOnly ? make("span", { cls: "flag", text: "flagged" }) : null,
      ]),
      make("div", { cls: "why", text: row.why, title: row.why }),
      row.unusual ? make("div", { cls: "unusual", text: row.unusual, title: row.unusual }) : null,
      board.data.guesses ? make("div", { cls: "looks", text: looks, title: looks && `${looks}. ${explainGuess(row.guesses[0])}` }) : null,
      make("div", { cls: "where", text: row.camera, title: row.file }),
      make("div", { cls: "where", text: row.time }),
      make("div", { cls: "acts" }, [
        act("anomaly", "accept"), act("normal", "reject"), act("unsure", "unsure"),
        button("Undo", { symbol: "undo", cls: "act back", label: `Undo: ${which}`, data: { back: "1" } }),
      ]),
    ]);
    // A card is one tab stop: what its buttons do, its keys do too.
    for (const inner of card.querySelectorAll("button, input")) inner.tabIndex = -1;
    return card;
  }

  update(row) {
    const card = this.cards.get(row.crop);
    if (!card) return;
    card.classList.remove("anomaly", "normal", "unsure", "saved", "waiting", "refused");
    if (row.verdict) card.classList.add(row.verdict);
    if (row.saving) card.classList.add(row.saving);
    card.querySelector(".badge").replaceChildren(...badge(row));
    const species = card.querySelector(".species");
    const name = row.verdictSpecies || row.title;
    const parts = row.bestFit && !row.verdictSpecies && row.species ? [make("span", { cls: "best-fit", text: "most like " }), name] : [name];
    species.replaceChildren(...parts);
    species.title = name;
    const where = `${row.camera}, ${row.time}`;
    card.setAttribute("aria-label", `Number ${Number(card.dataset.rank) + 1}, ${name}, ${WORDS[row.verdict]}, ${where}. ${[row.why, row.unusual, sayGuesses(this.board.data, row)].filter(Boolean).join(" ")}`);
  }

  showMarks() {
    for (const [crop, card] of this.cards) {
      const marked = this.board.marks.has(crop);
      card.classList.toggle("marked", marked);
      card.querySelector(".mark").checked = marked;
    }
  }

  moveCursor({ focus = true } = {}) {
    const up = this.cards.get(this.board.row?.crop);
    if (this.up && this.up !== up) {
      this.up.classList.remove("next");
      this.up.removeAttribute("aria-current");
    }
    this.up = up;
    if (!up) return;
    up.classList.add("next");
    up.setAttribute("aria-current", "true");
    if (!focus) return;
    up.focus({ preventScroll: true });
    const box = up.getBoundingClientRect();
    const low = window.innerHeight - 130;
    if (box.top < 70 || box.bottom > low) up.scrollIntoView({ block: "center", behavior: "instant" });
  }

  // Whoever comes to a card with Tab decides about that card.
  #onFocus(event) {
    const card = event.target.closest(".card");
    if (card && card !== this.up && event.target === card) this.board.go(Number(card.dataset.rank), { focus: false });
  }

  #onClick(event) {
    const card = event.target.closest(".card");
    if (!card) return;
    const { board } = this;
    const { crop } = card.dataset;
    const rank = Number(card.dataset.rank);
    if (event.target.closest(".mark")) {
      board.marks.toggle(crop);
      if (event.shiftKey) board.extendTo(rank);
      return;
    }
    if (event.shiftKey) {
      board.extendTo(rank);
      return;
    }
    const pressed = event.target.closest("button");
    if (pressed?.dataset.verdict) {
      board.cursor.rank = rank;
      board.decide(pressed.dataset.verdict, { crops: [crop] });
    } else if (pressed?.dataset.back) {
      board.takeBack(crop);
    } else if (pressed?.classList.contains("open")) {
      board.cursor.rank = rank;
      board.choose({ single: true, photo: true });
    } else {
      board.go(rank);
    }
  }
}

// The decision, who made it, and whether it is saved.
export function badge(row) {
  if (!row.verdict) return row.saving === "refused" ? [icon("error"), make("span", { text: "not saved" })] : [];
  const states = { waiting: ["hourglass_top", "being saved"], saved: ["check", "saved"], refused: ["error", "not saved"] };
  const [symbol, title] = states[row.saving] || ["check", "saved"];
  const sign = icon(symbol);
  sign.title = title;
  const by = row.reviewer ? ` · ${row.reviewer}` : "";
  return [sign, make("span", { text: `${WORDS[row.verdict]}${by}` }), row.note ? icon("sticky_note_2") : ""];
}
