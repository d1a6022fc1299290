// The radius (eps) of DBSCAN: a slider that clusters while it is dragged, and two small curves to choose the radius by.

const STEPS = 1000;

export const stepToEps = (step, least, most) => least * (most / least) ** (step / STEPS);
export const epsToStep = (eps, least, most) => Math.round((STEPS * Math.log(eps / least)) / Math.log(most / least));

export class Radius {
  // moved(eps, final) is called for another eps; final is false while the slider or a curve is dragged.
  constructor(root, moved) {
    this.root = root;
    this.moved = moved;
    root.innerHTML = `<div class="ex-head"><b>Radius (eps)</b><button class="ex-knee" hidden></button
      ><input class="ex-number" type="number" step="any" aria-label="eps as a number"></div>
      <input class="ex-slider" type="range" min="0" max="${STEPS}" step="1" aria-label="Radius (eps)">
      <div class="ex-counts" role="status"></div>
      <div class="ex-curve" data-curve="distances"></div><div class="ex-curve" data-curve="shares"></div>`;
    this.number = root.querySelector(".ex-number");
    this.slider = root.querySelector(".ex-slider");
    this.counts = root.querySelector(".ex-counts");
    this.knee = root.querySelector(".ex-knee");
    this.slider.addEventListener("input", () => this.ask(this.fromStep(Number(this.slider.value)), false));
    this.slider.addEventListener("change", () => this.ask(this.fromStep(Number(this.slider.value)), true));
    this.number.addEventListener("change", () => {
      const eps = Number(this.number.value);
      if (eps > 0 && Number.isFinite(eps)) this.ask(eps, true);
      else this.say(`eps is a distance above 0, got ${this.number.value || "nothing"}. Type a number such as ${this.eps}.`);
    });
    this.knee.addEventListener("click", () => this.ask(this.suggested, true));
    this.charts = {};
  }

  ask(eps, final) {
    this.set(tidy(eps));
    this.moved(this.eps, final);
  }

  set(eps) {
    this.eps = eps;
    this.number.value = eps;
    this.slider.value = epsToStep(eps, this.least, this.most);
    this.slider.setAttribute("aria-valuetext", String(eps));
    this.markCurves();
  }

  say(text) { this.counts.textContent = text; }

  // The slider is logarithmic: each step is the same factor.
  fromStep(step) { return stepToEps(step, this.least, this.most); }

  show(clusters, look) {
    this.root.hidden = !clusters?.cut;
    if (this.root.hidden) return;
    this.least = clusters.least;
    this.most = clusters.most;
    this.suggested = clusters.suggested;
    this.knee.hidden = !clusters.suggested;
    this.knee.textContent = `Knee ${clusters.suggested}`;
    this.knee.title = "Use the bend of the first curve: left of it crops lie close together, right of it they lie apart.";
    for (const box of this.root.querySelectorAll("[data-curve]")) this.showCurve(box, clusters.curves?.[box.dataset.curve], look);
    this.set(clusters.eps);
  }

  // A figure of ui/scatter/charts.py in the page's colours. A click anywhere on it sets eps.
  showCurve(box, figure, look) {
    box.hidden = !figure;
    if (!figure) return;
    const said = JSON.stringify([figure, look]);
    if (box.said === said) return;
    box.said = said;
    const data = figure.data.map((trace) => ({ ...trace, line: { ...trace.line, color: look.text, width: 1.6 } }));
    const axis = { color: look.quiet, gridcolor: look.hairline, zeroline: false, fixedrange: true };
    const layout = { ...figure.layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: look.font, size: 11, color: look.quiet }, xaxis: { ...figure.layout.xaxis, ...axis },
      yaxis: { ...figure.layout.yaxis, ...axis } };
    box.along = figure.layout.meta.eps_along;
    box.accent = look.odd;
    window.Plotly.react(box, data, layout, { displayModeBar: false, responsive: true }).then(() => this.markCurves());
    if (box.dragged) return;
    box.dragged = true;
    // Plotly looks at the window's size only; beside a second plot the box gets narrower while the window stays.
    new ResizeObserver(() => { if (!box.hidden && box.offsetWidth && box._fullLayout) window.Plotly.Plots.resize(box); }).observe(box);
    let held = false;
    const follow = (event, final) => {
      const area = box.getBoundingClientRect(), full = box._fullLayout;
      const eps = box.along === "x" ? full.xaxis.p2d(event.clientX - area.left - full.xaxis._offset)
        : full.yaxis.p2d(event.clientY - area.top - full.yaxis._offset);
      if (eps > 0) this.ask(eps, final);
    };
    box.addEventListener("pointerdown", (event) => { held = true; box.setPointerCapture(event.pointerId); follow(event, false); }, true);
    box.addEventListener("pointermove", (event) => held && follow(event, false));
    box.addEventListener("pointerup", (event) => { if (held) follow(event, true); held = false; });
  }

  markCurves() {
    for (const box of this.root.querySelectorAll("[data-curve]")) {
      if (!box._fullLayout || box.hidden || !this.eps) continue;
      const across = { type: "line", line: { color: box.accent, width: 2 } };
      const at = this.eps;
      const shape = box.along === "x" ? { ...across, xref: "x", yref: "paper", x0: at, x1: at, y0: 0, y1: 1 }
        : { ...across, xref: "paper", yref: "y", x0: 0, x1: 1, y0: at, y1: at };
      window.Plotly.relayout(box, { shapes: [shape] });
    }
  }

  tally(nClusters, nNoise, n) { this.say(sayClusters(nClusters, nNoise, n)); }
}

export function sayClusters(nClusters, nNoise, n) {
  const share = n ? (100 * nNoise) / n : 0;
  return `${nClusters.toLocaleString("en")} cluster${nClusters === 1 ? "" : "s"} · ${nNoise.toLocaleString("en")} noise (${share.toFixed(1)}%)`;
}

// Nobody can set more than three digits with a slider.
export function tidy(eps) { return Number(eps.toPrecision(3)); }
