// The reviewer's last decisions, newest first, each with a button that takes it back.
import { cropPicture } from "../addresses.js";
import { WORDS, button, icon, make } from "./elements.js";

const SHOWN = 40;

export class Strip {
  constructor(board) {
    this.board = board;
    this.list = make("ol", { cls: "last", attrs: { "aria-label": "Last decisions, newest first" } });
    this.element = make("div", { cls: "strip" }, [make("span", { cls: "label", text: "Last decisions" }), this.list]);
    this.items = new Map(); // by crop
    this.element.hidden = true;
  }

  add({ crop, verdict, species, note, saving }) {
    this.remove(crop);
    const which = [species || this.board.rows?.byCrop.get(crop)?.title, this.board.rows?.byCrop.get(crop)?.time].filter(Boolean).join(", ");
    const back = button("", {
      symbol: "undo", cls: "back", title: `Undo: ${WORDS[verdict]}`, label: [`Undo ${WORDS[verdict]}`, which].filter(Boolean).join(": "),
      on: () => this.board.takeBack(crop),
    });
    const item = make("li", { cls: `${verdict} ${saving}`, title: [WORDS[verdict], species, note].filter(Boolean).join(" · "), data: { crop } }, [
      make("img", { attrs: { src: cropPicture(this.board.run, crop), alt: "", decoding: "async", draggable: "false" } }),
      make("span", { cls: "word" }, [icon(saving === "saved" ? "check" : "hourglass_top"), make("span", { text: species || WORDS[verdict] })]),
      back,
    ]);
    this.items.set(crop, item);
    this.list.prepend(item);
    while (this.list.children.length > SHOWN) this.remove(this.list.lastElementChild.dataset.crop);
    this.element.hidden = false;
  }

  markSaved(crop) {
    const item = this.items.get(crop);
    if (!item) return;
    item.classList.replace("waiting", "saved");
    item.querySelector(".icon").textContent = "check";
  }

  remove(crop) {
    this.items.get(crop)?.remove();
    this.items.delete(crop);
    this.element.hidden = !this.items.size;
  }
}
