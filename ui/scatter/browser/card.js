// What is said of the point under the mouse: a circle around it, and a card with its picture.
import { element } from "./elements.js";

const LEAST_RADIUS_PX = 7;
const FIRST_PAUSE_MS = 90;
const NEXT_PAUSE_MS = 15; // once a card is open, the next one follows at once

export class Card {
  constructor(root) {
    this.card = root.querySelector(".ex-card");
    this.halo = root.querySelector(".ex-halo");
    this.stage = root.querySelector(".ex-stage");
    this.row = -1;
    this.timer = 0;
  }

  // Show a point. at: its place in pixels; radiusPx: eps on the screen, so that one sees how far it goes;
  // address: where the facts are; label: its cluster.
  show({ row, at, radiusPx, address, label }) {
    if (row === this.row && !this.card.hidden) return;
    this.row = row;
    const [left, top] = at, radius = Math.max(radiusPx, LEAST_RADIUS_PX);
    Object.assign(this.halo.style, { left: `${left}px`, top: `${top}px`, width: `${2 * radius}px`, height: `${2 * radius}px` });
    this.halo.hidden = false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#fill(row, at, address, label), this.card.hidden ? FIRST_PAUSE_MS : NEXT_PAUSE_MS);
  }

  hide() {
    clearTimeout(this.timer);
    this.row = -1;
    this.card.hidden = this.halo.hidden = true;
  }

  async #fill(row, [left, top], address, label) {
    const answer = await fetch(address); // each time: somebody may have decided about the crop meanwhile
    if (!answer.ok) return;
    const facts = await answer.json();
    if (row !== this.row) return;
    this.card.replaceChildren(
      element("img", "", { src: facts.picture, alt: facts.title }), element("b", "", { textContent: facts.title }),
      ...[label, ...facts.lines].filter(Boolean).map((line) => element("div", "", { textContent: line })));
    this.card.hidden = false;
    const { clientWidth: width, clientHeight: height } = this.stage;
    const { offsetWidth: w, offsetHeight: h } = this.card, aside = Math.min(this.halo.offsetWidth / 2, 70) + 12;
    this.card.style.left = `${left + aside + w > width ? Math.max(left - w - aside, 4) : left + aside}px`;
    this.card.style.top = `${Math.min(Math.max(top - h / 2, 4), Math.max(height - h - 4, 4))}px`;
  }
}
