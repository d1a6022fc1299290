// The list of species beside the plot: show, hide or fade each, show one alone, or invert. Fits two or two hundred species.
import { element } from "./elements.js";
import { Looks } from "./looks.js";
import { drawMark } from "./paint.js";

export class SpeciesList {
  // changed(final) is called when a species is shown, hidden or faded; final is false while a slider is dragged.
  constructor(root, changed) {
    this.root = root;
    this.changed = changed;
    this.state = new Looks();
    this.rows = [];
    this.words = "";
    root.innerHTML = `<div class="ex-head"><b>Species</b><span class="ex-buttons"><button data-do="all">All</button
      ><button data-do="none">None</button><button data-do="invert">Invert</button></span></div>
      <input class="ex-search" type="search" placeholder="Find a species" aria-label="Find a species">
      <div class="ex-rows"></div>`;
    this.list = root.querySelector(".ex-rows");
    this.search = root.querySelector(".ex-search");
    this.search.addEventListener("input", () => { this.words = this.search.value.toLowerCase(); this.mark(); });
    for (const button of root.querySelectorAll("[data-do]"))
      button.addEventListener("click", () => this.change(() => this.state.turn(button.dataset.do)));
  }

  get looks() { return this.state.chosen; }

  get strengths() { return this.state.strengths; }

  show(groups, looks, colours) {
    const other = JSON.stringify(groups) !== JSON.stringify(this.state.groups);
    this.state.set(groups, looks);
    if (other) this.makeRows();
    groups.forEach((group, k) => drawMark(this.rows[k].mark, group.symbol, colours[k]));
    this.search.hidden = groups.length < 9;
    this.mark();
  }

  makeRows() {
    this.rows = this.state.groups.map(({ label, n }, k) => {
      const row = element("div", "ex-row");
      const mark = element("canvas", "ex-mark");
      const toggle = element("button", "ex-toggle", { title: `Show or hide ${label}` });
      toggle.append(mark);
      toggle.setAttribute("aria-label", `Show ${label}`);
      const name = element("button", "ex-name", { textContent: label, title: `Show only ${label}` });
      const count = element("span", "ex-count", { textContent: n.toLocaleString("en") });
      const slider = element("input", "ex-fade", { type: "range", min: 0, max: 100, step: 5 });
      slider.setAttribute("aria-label", `Opacity of ${label}`);
      slider.title = `Opacity of ${label}`;
      toggle.addEventListener("click", () => this.change(() => this.state.toggle(k)));
      name.addEventListener("click", () => this.change(() => this.state.solo(k)));
      slider.addEventListener("input", () => {
        this.state.fade(k, slider.value / 100);
        this.changed(false);
      });
      slider.addEventListener("change", () => this.change(() => {}));
      row.append(toggle, name, count, slider);
      return { row, mark, toggle, slider };
    });
    this.list.replaceChildren(...this.rows.map(({ row }) => row));
  }

  change(act) {
    act();
    this.mark();
    this.changed(true);
  }

  // Show which species are drawn. Every row keeps its place, whether it is drawn, faded or off.
  mark() {
    const { groups, on, opacity, strengths } = this.state;
    this.rows.forEach(({ row, toggle, slider }, k) => {
      row.classList.toggle("ex-off", !strengths[k]);
      toggle.setAttribute("aria-pressed", String(on[k]));
      slider.value = Math.round(opacity[k] * 100);
      row.hidden = !groups[k].label.toLowerCase().includes(this.words);
    });
  }
}
