// The list of species: on and off, how strongly, one alone, the other way round. Works with two or with two hundred.

const FAINT = 0.15; // below this a species leaves the list of those that are looked at, and waits under "faded"

function element(tag, name, properties = {}) {
  const made = document.createElement(tag);
  made.className = name;
  Object.assign(made, properties);
  return made;
}

// A small picture of a mark, drawn as the painter draws it.
function drawMark(canvas, shape, colour) {
  const scale = 2, stamp = cutStamp(shape, 4.6 * scale), context = canvas.getContext("2d");
  canvas.width = canvas.height = 14 * scale;
  const image = context.createImageData(canvas.width, canvas.height), [r, g, b] = readColour(colour);
  stamp.cover.forEach((cover, k) => {
    const q = ((stamp.dy[k] + 14) * canvas.width + stamp.dx[k] + 14) * 4;
    image.data.set([r, g, b, Math.min(cover, 255)], q);
  });
  context.putImageData(image, 0, 0);
}

class SpeciesList {
  // changed(final): the looks are other ones; final once the hand has come to rest.
  constructor(root, changed) {
    this.root = root;
    this.changed = changed;
    this.groups = [];
    this.on = [];
    this.strength = [];
    this.words = "";
    root.innerHTML = `<div class="ex-head"><b>Species</b><span class="ex-buttons"><button data-do="all">All</button
      ><button data-do="none">None</button><button data-do="invert">Invert</button></span></div>
      <input class="ex-search" type="search" placeholder="Find a species" aria-label="Find a species">
      <div class="ex-rows"></div><details class="ex-faded" open hidden><summary></summary><div class="ex-rows"></div></details>`;
    this.list = root.querySelector(".ex-rows");
    this.faded = root.querySelector(".ex-faded");
    this.search = root.querySelector(".ex-search");
    this.search.addEventListener("input", () => { this.words = this.search.value.toLowerCase(); this.sort(); });
    for (const button of root.querySelectorAll("[data-do]"))
      button.addEventListener("click", () => this.turn(button.dataset.do));
  }

  get looks() {
    const off = [], fade = {};
    this.groups.forEach(({ name }, k) => {
      if (!this.on[k]) off.push(name);
      if (this.strength[k] < 1) fade[name] = Math.round(this.strength[k] * 100) / 100;
    });
    return { off, fade };
  }

  // How strongly points of each group are drawn, 0 to 1.
  get strengths() { return this.groups.map((_, k) => (this.on[k] ? this.strength[k] : 0)); }

  show(groups, looks, colours) {
    const other = JSON.stringify(groups) !== JSON.stringify(this.groups);
    this.groups = groups;
    this.on = groups.map(({ name }) => !looks.off.includes(name));
    this.strength = groups.map(({ name }) => looks.fade[name] ?? 1);
    if (other) this.makeRows();
    groups.forEach((group, k) => drawMark(this.rows[k].mark, group.symbol, colours[k]));
    this.search.hidden = groups.length < 9;
    this.sort();
  }

  makeRows() {
    this.rows = this.groups.map(({ label, n }, k) => {
      const row = element("div", "ex-row");
      const mark = element("canvas", "ex-mark");
      const toggle = element("button", "ex-toggle", { title: `Show or hide ${label}` });
      toggle.append(mark);
      toggle.setAttribute("aria-label", `Show ${label}`);
      const name = element("button", "ex-name", { textContent: label, title: `${label}: show it alone` });
      const count = element("span", "ex-count", { textContent: n.toLocaleString("en") });
      const slider = element("input", "ex-fade", { type: "range", min: 0, max: 100, step: 5 });
      slider.setAttribute("aria-label", `Opacity of ${label}`);
      slider.title = `Opacity of ${label}`;
      toggle.addEventListener("click", () => {
        if (this.on[k] && this.strength[k] === 0) this.strength[k] = 1;
        else { this.on[k] = !this.on[k]; if (this.on[k] && this.strength[k] === 0) this.strength[k] = 1; }
        this.after(true);
      });
      name.addEventListener("click", () => this.solo(k));
      slider.addEventListener("input", () => {
        this.strength[k] = slider.value / 100;
        this.on[k] = true;
        this.after(false, false);
      });
      slider.addEventListener("change", () => this.after(true));
      row.append(toggle, name, count, slider);
      return { row, mark, toggle, slider };
    });
  }

  solo(k) {
    const alone = this.on.every((on, j) => on === (j === k));
    this.on = this.on.map((_, j) => alone || j === k);
    this.strength[k] = this.strength[k] || 1;
    this.after(true);
  }

  turn(what) {
    if (what === "invert") this.on = this.on.map((on) => !on);
    else this.on = this.on.map(() => what === "all");
    if (what === "all") this.strength = this.strength.map(() => 1);
    this.after(true);
  }

  after(final, sort = true) {
    if (sort) this.sort();
    this.changed(final);
  }

  // Those that are looked at, and under them those that are faded or off.
  sort() {
    const seen = [], faint = [];
    this.rows.forEach(({ row, toggle, slider }, k) => {
      const strength = this.on[k] ? this.strength[k] : 0;
      row.classList.toggle("ex-off", !this.on[k]);
      toggle.setAttribute("aria-pressed", String(this.on[k]));
      slider.value = Math.round(this.strength[k] * 100);
      row.hidden = !this.groups[k].label.toLowerCase().includes(this.words);
      (strength < FAINT ? faint : seen).push(row);
    });
    this.list.replaceChildren(...seen);
    this.faded.lastElementChild.replaceChildren(...faint);
    this.faded.hidden = !faint.length;
    this.faded.firstElementChild.textContent = `Faded or off (${faint.length})`;
  }
}
