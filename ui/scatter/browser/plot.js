// The scatterplot. Plotly gives axes, zoom, pan, box and lasso; the painter draws the points; lists stand beside it.
import { Arrays, loadPlotly } from "./arrays.js";
import { Card } from "./card.js";
import { Legend, listKeys } from "./legend.js";
import { Painter, readColour } from "./paint.js";
import { savePicture } from "./picture.js";
import { PointIndex, fitRange, isInside, simplify } from "./points.js";
import { Radius, sayClusters } from "./radius.js";
import { SpeciesList } from "./species.js";

const MARGIN = 1;
const MOST_CORNERS = 48;
const HOVER_PX = 14;
const REST_MS = 300;
const DRAFT_MS = 500;
const CLICK_PX = 4; // a mouse that moves farther between down and up has dragged
const DOUBLE_CLICK_MS = 280;
const NARROW_PX = 760; // with less room the lists go below the map
const NOISE = 0; // labels from the server are 0 for noise, then 1, 2, ...

export class Plot {
  constructor(parent) {
    this.parent = parent;
    this.root = parent.querySelector(".explore-plot");
    this.root.plot = this;
    const find = (name) => this.root.querySelector(name);
    this.stage = find(".ex-stage");
    this.frame = find(".ex-frame");
    this.card = new Card(this.root);
    this.tally = find(".ex-tally");
    this.legend = new Legend(find(".ex-key"));
    this.message = find(".ex-message");
    this.painter = new Painter(find("canvas.ex-paint"));
    this.species = new SpeciesList(find(".ex-species"), (final) => this.changeLooks(final));
    this.radius = new Radius(find(".ex-radius"), (eps, final) => this.changeEps(eps, final));
    this.arrays = new Arrays();
    this.timers = {};
    this.turn = 0;
    this.watchMouse();
    for (const button of this.root.querySelectorAll("[data-tool]"))
      button.addEventListener("click", () => this.chooseTool(button.dataset.tool));
    find("[data-do=reset]").addEventListener("click", () => this.resetView());
    find("[data-do=clear]").addEventListener("click", () => this.clear());
    find("[data-do=png]").addEventListener("click", () => this.save());
    this.resizing = new ResizeObserver(() => this.fit());
    this.resizing.observe(this.stage);
    this.resizing.observe(this.root);
    this.scheme = window.matchMedia("(prefers-color-scheme: dark)");
    this.repaint = () => requestAnimationFrame(() => this.data && this.show());
    this.scheme.addEventListener("change", this.repaint);
  }

  destroy() {
    this.resizing.disconnect();
    this.scheme.removeEventListener("change", this.repaint);
    this.card.hide();
    Object.values(this.timers).forEach(clearTimeout);
    if (window.Plotly) { window.Plotly.purge(this.frame); }
  }

  // What the server says

  async update(data) {
    const turn = ++this.turn;
    // The page may be drawn with an older step of a map that is being made: the newer step stays.
    const { draft } = data;
    if (draft && draft.address === this.data?.draft?.address && this.data.draft.after > draft.after) {
      const { points, uirevision, message, clusters } = this.data;
      data = { ...data, points, uirevision, message, clusters, draft: this.data.draft };
    }
    this.data = data;
    this.arrange();
    this.sayMessage(data.message);
    try {
      await loadPlotly(data.plotly);
      const [points, species, colours, selected, cut] = await Promise.all([
        this.arrays.get(data.points, Float32Array), this.arrays.get(data.species.codes, Uint16Array),
        this.arrays.get(data.colour.codes, Uint16Array), this.arrays.get(data.selected?.mask, Uint8Array), this.cutNow(data)]);
      if (turn !== this.turn || !this.root.isConnected) return;
      if (points !== this.points) { this.points = points; this.index = new PointIndex(points); this.card.hide(); }
      Object.assign(this, { speciesOf: species, codes: colours, selected, labels: cut });
      this.eps = data.clusters?.eps;
      await this.show();
      this.followDraft();
    } catch (error) {
      if (turn !== this.turn) return;
      if (error.lost && !this.asked) { this.asked = true; this.send("lost", Date.now()); return; }
      this.sayMessage(error.message);
    }
  }

  // Ask for newer steps of a map that is being made, so that the page need not run again for each of them.
  followDraft() {
    clearTimeout(this.timers.draft);
    const { data } = this, { draft } = data;
    if (!draft) return;
    this.timers.draft = setTimeout(async () => {
      try {
        const answer = await fetch(draft.after < 0 ? draft.address : `${draft.address}?after=${draft.after}`);
        const content = answer.status === 200 ? await answer.arrayBuffer() : null;
        if (data !== this.data) return;
        if (answer.status === 404) return; // the page will run again, and offer it again
        if (content) await this.showDraft(new Float32Array(content), answer.headers);
      } catch { /* the server does not answer for a moment */ }
      if (data === this.data || this.data.draft?.address === draft.address) this.followDraft();
    }, DRAFT_MS);
  }

  async showDraft(points, headers) {
    const { data } = this, { draft } = data, step = Number(headers.get("Picture-Step")), steps = headers.get("Picture-Steps");
    const name = `${draft.address}#${step}`;
    this.arrays.put(name, points);
    this.data = { ...data, points: name, uirevision: draft.uirevision, clusters: null, draft: { ...draft, after: step },
      message: steps === "0" ? draft.title : `${draft.title}: step ${step} of ${steps}` };
    this.sayMessage(this.data.message);
    Object.assign(this, { points, index: new PointIndex(points), labels: null, eps: undefined });
    this.card.hide();
    await this.show();
  }

  // The lists stand beside the map, or below it where there is little room.
  arrange() {
    const { heights, narrow } = this.data, isNarrow = Boolean(narrow) || this.root.clientWidth < NARROW_PX;
    this.root.style.setProperty("--ex-height", `${isNarrow ? heights.narrow : heights.wide}px`);
    this.root.classList.toggle("ex-narrow", isNarrow);
  }

  sayMessage(text) {
    this.message.textContent = text || "";
    this.message.hidden = !text;
  }

  cutNow(data) {
    const clusters = data.clusters;
    if (!clusters) return null;
    return this.arrays.get(clusters.cut ? `${clusters.cut}?eps=${clusters.eps}` : clusters.labels, Uint16Array);
  }

  async show() {
    const style = getComputedStyle(this.root), of = (name) => style.getPropertyValue(name).trim();
    const text = style.color, ground = of("--st-background-color") || "#ffffff";
    const [r, g, b] = readColour(ground);
    this.dark = 0.3 * r + 0.6 * g + 0.1 * b < 110;
    this.root.classList.toggle("ex-dark", this.dark);
    this.look = { text, ground, font: style.fontFamily, quiet: this.dark ? "#AEB6B0" : "#5C6560",
      hairline: this.dark ? "rgba(255,255,255,.1)" : "rgba(0,0,0,.09)", odd: this.dark ? "#FF9A56" : "#C85200" };
    const { data } = this;
    this.paletteOf = (groups) => groups.map((group) => this.dark ? group.dark : group.light);
    if (!this.holding) this.species.show(data.species.groups, data.looks, data.colour.by === "species" ? this.paletteOf(data.species.groups) : data.species.groups.map(() => this.look.quiet));
    if (!this.dragging) this.radius.show(data.clusters, this.look);
    await this.showFrame();
    this.paint();
  }

  async showFrame() {
    const { data } = this;
    const { bounds } = this.index;
    if (this.drawn?.revision !== data.uirevision) this.touched = false;
    if (!this.drawn || this.drawn.points !== data.points || this.drawn.ground !== this.look.ground) {
      // A map that is being made grows: all of it is shown until somebody zooms or moves it.
      if (!this.touched) this.wanted = data.view || bounds;
      const view = this.fitted();
      const axis = { showgrid: false, zeroline: false, showticklabels: false, showline: false, ticks: "" };
      const layout = {
        uirevision: data.points, dragmode: this.tool || "pan", margin: { l: MARGIN, r: MARGIN, t: MARGIN, b: MARGIN },
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: false, autosize: true,
        xaxis: { ...axis, range: [view[0], view[1]] }, yaxis: { ...axis, range: [view[2], view[3]], scaleanchor: "x" },
        newselection: { line: { color: this.look.text, width: 1.5, dash: "dot" } },
        activeselection: { fillcolor: "rgba(0,0,0,0)" }, selections: [],
      };
      // Two unseen points: Plotly offers box and lasso only where there is something to select.
      const corners = { type: "scatter", mode: "markers", x: [bounds[0], bounds[1]], y: [bounds[2], bounds[3]],
        marker: { opacity: 0 }, hoverinfo: "skip" };
      await window.Plotly.react(this.frame, [corners], layout,
        { scrollZoom: true, displayModeBar: false, doubleClick: false, responsive: false });
      if (!this.drawn) this.listen();
      this.drawn = { points: data.points, revision: data.uirevision, ground: this.look.ground };
    }
    this.range = this.readRange();
    this.chooseTool(this.tool || "pan", true);
  }

  // What the plot shows of what is wanted, at its present size.
  fitted() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    return fitRange(this.wanted, Math.max(width - 2 * MARGIN, 1), Math.max(height - 2 * MARGIN, 1));
  }

  readRange() {
    const { xaxis, yaxis } = this.frame._fullLayout;
    return [...xaxis.range, ...yaxis.range].map(Number);
  }

  listen() {
    this.frame.on("plotly_relayouting", () => { this.range = this.readRange(); this.card.hide(); this.soonPaint(); });
    this.frame.on("plotly_relayout", (change) => {
      this.range = this.readRange();
      this.soonPaint();
      if (!Object.keys(change).some((name) => name.includes("axis"))) return;
      if (this.fitting) { this.fitting = false; return; }
      this.touched = true;
      this.wanted = this.range;
      this.atRest("view", () => this.send("view", this.range.map((value) => Number(value.toPrecision(5)))));
    });
    this.frame.on("plotly_selected", (event) => {
      if (!event) return;
      const { lassoPoints: lasso, range } = event;
      let outline = lasso ? lasso.x.map((x, k) => [x, lasso.y[k]]) : range
        ? [[range.x[0], range.y[0]], [range.x[1], range.y[0]], [range.x[1], range.y[1]], [range.x[0], range.y[1]]] : null;
      if (!outline || outline.length < 3) return;
      outline = simplify(outline, MOST_CORNERS, this.range[1] - this.range[0]).map((corner) => corner.map((value) => Number(value.toPrecision(5))));
      this.pick(outline, this.isAdding);
    });
    this.frame.on("plotly_doubleclick", () => { if (this.tool === "pan") this.resetView(); else this.clear(); });
  }

  // What the user does

  chooseTool(tool, quietly = false) {
    this.tool = tool;
    for (const button of this.root.querySelectorAll("[data-tool]"))
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    if (this.frame._fullLayout && this.frame._fullLayout.dragmode !== tool) window.Plotly.relayout(this.frame, { dragmode: tool });
  }

  resetView() {
    this.wanted = this.index.bounds;
    this.touched = false;
    this.atRest("view", () => this.send("view", []));
    this.showWanted();
  }

  async showWanted() {
    const [x0, x1, y0, y1] = this.fitted();
    this.fitting = true;
    await window.Plotly.relayout(this.frame, { "xaxis.range": [x0, x1], "yaxis.range": [y0, y1] });
    this.fitting = false;
    this.range = this.readRange();
    this.soonPaint();
  }

  async save() {
    if (!this.index || !this.range) return;
    const { data } = this, { colour } = data;
    const shown = colour.by === "species" ? this.groups.filter((_, k) => this.species.strengths[k] > 0) : this.groups;
    const groups = colour.scale ? this.groups : [...listKeys({ colour, groups: shown, nClusters: this.nClusters }), ...(this.ring ? [this.ring] : [])];
    await savePicture({ canvas: this.painter.canvas, look: this.look, title: data.title, axes: data.axes, legend: colour.title,
      scale: colour.scale, groups, colours: this.paletteOf(groups), name: `${data.title}.png` });
  }

  // Select what is inside an outline; more: add it to what is selected.
  pick(outline, more) {
    const mask = new Uint8Array(this.index.n), strengths = this.species.strengths, before = more && this.selected;
    for (let i = 0; i < mask.length; i++)
      mask[i] = (before && before[i]) || (strengths[this.speciesOf[i]] > 0
        && isInside(this.points[2 * i], this.points[2 * i + 1], outline)) ? 1 : 0;
    this.selected = mask;
    this.paint();
    this.sendPick(outline, more);
  }

  sendPick(outline, more = false) { this.send("pick", { outline, more, draft: (this.data.draft?.after ?? -1) >= 0 }); }

  clear() {
    this.selected = null;
    this.forgetOutline();
    this.paint();
    this.sendPick([]);
  }

  forgetOutline() {
    if (this.frame._fullLayout?.selections?.length) window.Plotly.relayout(this.frame, { selections: [] });
  }

  changeLooks(final) {
    this.holding = true;
    this.soonPaint();
    this.atRest("looks", () => { this.holding = false; this.send("looks", this.species.looks); }, final ? 120 : REST_MS);
  }

  changeEps(eps, final) {
    this.dragging = true;
    this.wanted = eps;
    this.follow();
    this.atRest("eps", () => { this.dragging = false; if (eps !== this.data.clusters.eps) this.send("eps", eps); }, final ? 60 : 2 * REST_MS);
  }

  // Ask for clusters, one request at a time: when an answer has come, the newest eps is asked for.
  async follow() {
    if (this.following) return;
    this.following = true;
    try {
      while (this.wanted !== this.eps && this.data.clusters?.cut) {
        const eps = this.wanted, turn = this.turn;
        const labels = await this.arrays.get(`${this.data.clusters.cut}?eps=${eps}`, Uint16Array);
        if (turn !== this.turn) break;
        this.labels = labels;
        this.eps = eps;
        this.paint();
        await new Promise(requestAnimationFrame);
      }
    } catch (error) { this.radius.say(error.message); } finally { this.following = false; }
  }

  atRest(name, act, pause = REST_MS) {
    clearTimeout(this.timers[name]);
    this.timers[name] = setTimeout(act, pause);
  }

  watchMouse() {
    this.stage.addEventListener("pointermove", (event) => {
      if (event.buttons || !this.index) { this.card.hide(); return; }
      const area = this.stage.getBoundingClientRect();
      this.point(event.clientX - area.left, event.clientY - area.top);
    });
    this.stage.addEventListener("pointerdown", (event) => {
      this.isAdding = event.shiftKey;
      this.pressed = [event.clientX, event.clientY];
      // Plotly lays a sheet over the whole page while a button is down.
      document.addEventListener("pointerup", (up) => this.open(up), { capture: true, once: true });
    }, true);
    this.stage.addEventListener("pointerleave", () => this.card.hide());
  }

  // A click on a point opens its crop; the second click of a double click shows all of the map instead.
  open({ clientX, clientY, button }) {
    clearTimeout(this.timers.open);
    const [x, y] = this.pressed || [];
    if (button !== 0 || !this.index || !(Math.hypot(clientX - x, clientY - y) <= CLICK_PX)) return;
    const now = performance.now(), isSecond = now - (this.clickedAt ?? -Infinity) < DOUBLE_CLICK_MS;
    this.clickedAt = now;
    const area = this.stage.getBoundingClientRect(), row = this.find(clientX - area.left, clientY - area.top);
    if (row < 0 || isSecond) return;
    this.atRest("open", () => { this.card.hide(); this.send("open", row); }, DOUBLE_CLICK_MS);
  }

  // The row of the point at a place on the screen, or -1.
  find(left, top) {
    if (!this.range) return -1;
    const [x0, x1, y0, y1] = this.range, { clientWidth: width, clientHeight: height } = this.stage;
    const x = x0 + ((x1 - x0) * left) / width, y = y1 - ((y1 - y0) * top) / height;
    const strengths = this.species.strengths;
    return this.index.nearest(x, y, (HOVER_PX * (x1 - x0)) / width, (j) => strengths[this.speciesOf[j]] > 0.05);
  }

  point(left, top) {
    const i = this.find(left, top);
    this.stage.classList.toggle("ex-over", i >= 0);
    if (i < 0) { this.card.hide(); return; }
    const [x0, x1] = this.range, { clientWidth: width } = this.stage;
    const eps = this.data.clusters?.cut && this.data.clusters.on_map ? this.eps : 0;
    const label = this.labels ? (this.labels[i] === NOISE ? "noise" : `cluster ${this.labels[i]}`) : "";
    this.card.show({ row: i, at: this.toPixels(i), radiusPx: (eps * width) / (x1 - x0), address: `${this.data.facts}/${i}`, label });
  }

  // Where a point is on the screen, in pixels from the left and the top of the plot.
  toPixels(i) {
    const [x0, x1, y0, y1] = this.range, { clientWidth: width, clientHeight: height } = this.stage;
    return [((this.points[2 * i] - x0) / (x1 - x0)) * width, ((y1 - this.points[2 * i + 1]) / (y1 - y0)) * height];
  }

  fit() {
    if (!this.frame._fullLayout) return;
    this.arrange();
    // What was wanted is kept: what Plotly shows grows with each change of shape, and never shrinks back.
    this.atRest("fit", async () => { await window.Plotly.Plots.resize(this.frame); await this.showWanted(); this.paint(); }, 60);
  }

  // Painting

  soonPaint() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.paint(); });
  }

  paint() {
    if (!this.index || !this.range) return;
    const { data, painter, labels, selected } = this, { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    const { n, order } = this.index;
    painter.resize(width, height, Math.min(window.devicePixelRatio || 1, 2));
    const radius = n > 200000 ? 1.6 : n > 50000 ? 2.2 : n > 10000 ? 3 : n > 2000 ? 4 : 5;
    const byCluster = data.colour.by === "cluster";
    const waiting = byCluster && !labels; // the clusters are not computed yet
    const quiet = [{ light: this.look.quiet, dark: this.look.quiet }];
    const groups = this.groups = waiting ? quiet : byCluster ? data.colour.cycle : data.colour.groups, colours = this.paletteOf(groups).map(readColour);
    const stamps = groups.map((group) => painter.stamp(group.symbol || "circle", radius));
    const strengths = this.species.strengths, codes = byCluster ? labels : this.codes;
    const last = groups.length - 1;
    // The first colour is that of noise; clusters take the others in turn, again and again.
    const group = waiting ? () => 0 : byCluster ? (i) => (codes[i] === NOISE ? 0 : 1 + ((codes[i] - 1) % last)) : (i) => Math.min(codes[i], last);
    const style = (dim) => (i) => {
      const strength = strengths[this.speciesOf[i]];
      if (!strength || (selected && dim === Boolean(selected[i]))) return null;
      const k = group(i);
      return { stamp: stamps[k], rgb: colours[k], alpha: Math.round(256 * strength * (selected && dim ? 0.16 : n > 50000 ? 0.8 : 0.9)) };
    };
    const layers = selected ? [{ rows: order, style: style(true) }, { rows: order, style: style(false) }] : [{ rows: order, style: style(true) }];
    this.ring = data.rings && labels && !byCluster ? { label: "noise: in no cluster", symbol: "ring", light: this.look.odd, dark: this.look.odd } : null;
    if (this.ring) {
      const ring = painter.stamp("ring", radius * 1.9), rgb = readColour(this.look.odd);
      layers.push({ rows: order, style: (i) => {
        const strength = strengths[this.speciesOf[i]];
        if (labels[i] !== NOISE || !strength) return null;
        return { stamp: ring, rgb, alpha: Math.round(256 * strength * (selected && !selected[i] ? 0.16 : 0.85)) };
      } });
    }
    painter.paint(this.look.ground, this.points, this.range, layers);
    this.count();
    if (waiting) this.legend.hide();
    else this.legend.show({ colour: data.colour, groups, colours: this.paletteOf(groups), dark: this.dark, nClusters: this.nClusters, ring: this.ring });
    this.root.dataset.eps = this.eps ?? "";
    this.root.dataset.painted = Number(this.root.dataset.painted || 0) + 1;
  }

  count() {
    const { labels, selected } = this, { n } = this.index, strengths = this.species.strengths;
    let shown = 0, chosen = 0, noise = 0, most = 0;
    for (let i = 0; i < n; i++) {
      if (strengths[this.speciesOf[i]] > 0) shown++;
      if (selected && selected[i]) chosen++;
      if (labels) { if (labels[i] === NOISE) noise++; else if (labels[i] > most) most = labels[i]; }
    }
    this.nClusters = most;
    if (labels && this.data.clusters?.cut) this.radius.tally(most, noise, n);
    const all = n.toLocaleString("en");
    this.tally.textContent = (shown < n ? `${shown.toLocaleString("en")} of ${all} crops shown` : `${all} crops`)
      + (labels && !this.data.clusters?.cut ? ` · ${sayClusters(most, noise, n)}` : "")
      + (selected ? ` · ${chosen.toLocaleString("en")} selected` : "");
    this.root.querySelector("[data-do=clear]").hidden = !selected;
    if (!selected) this.forgetOutline();
  }

}
