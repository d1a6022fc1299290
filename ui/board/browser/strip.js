// The last decisions, newest first, each to be taken back.
import { cropPicture } from "./addresses.js";
import { WORDS, button, icon, make } from "./elements.js";

const SHOWN = 40;

export class Strip {
  constructor(board) {
    this.board = board;
    this.list = make("ol", { cls: "last", attrs: { "aria-label": "Last decisions, newest first" } });
    this.element = make("div", { cls: "strip" }, [make("span", { cls: "label", text: "Last decisions" }), this.list]);
    this.changes = new Map();
    this.element.hidden = true;
  }

  fill(last) {
    for (const { crop, verdict, species, note, before } of [...last].reverse()) {
      this.add({ crop, verdict, species, note, before, saved: true });
    }
  }

  add({ crop, verdict, species, note, before, saved = false }) {
    const earlier = this.changes.get(crop);
    this.remove(crop);
    const back = button("", {
      symbol: "undo", cls: "back", title: `Take back: ${WORDS[verdict]}`, label: `Take back ${WORDS[verdict]}`,
      on: () => this.board.takeBack(crop),
    });
    const item = make("li", { cls: `${verdict} ${saved ? "saved" : "waiting"}`, title: [WORDS[verdict], species, note].filter(Boolean).join(" · "), data: { crop } }, [
      make("img", { attrs: { src: cropPicture(this.board.run, crop), alt: "", decoding: "async", draggable: "false" } }),
      make("span", { cls: "word" }, [icon(saved ? "check" : "hourglass_top"), make("span", { text: species || WORDS[verdict] })]),
      back,
    ]);
    this.changes.set(crop, { before: before ?? earlier?.before, item });
    this.list.prepend(item);
    while (this.list.children.length > SHOWN) this.remove(this.list.lastElementChild.dataset.crop);
    this.element.hidden = false;
  }

  changeOf(crop) {
    const known = this.changes.get(crop);
    if (known) return known;
    const row = this.board.rows.byCrop.get(crop);
    return row?.verdict ? { before: { verdict: "", species: "", note: "" } } : null;
  }

  markSaved(crop) {
    const item = this.changes.get(crop)?.item;
    if (!item) return;
    item.classList.replace("waiting", "saved");
    item.querySelector(".icon").textContent = "check";
  }

  remove(crop) {
    this.changes.get(crop)?.item.remove();
    this.changes.delete(crop);
    this.element.hidden = !this.changes.size;
  }
}
