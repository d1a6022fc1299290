// What the colours of the plot mean, where the list of species does not say it already.
import { element } from "./elements.js";
import { drawMark } from "./paint.js";

const MOST_CLUSTERS = 12;

export class Legend {
  constructor(root) {
    this.root = root;
    this.drawn = "";
  }

  // colour: { by, title, scale, key }. groups: what is coloured, with one colour each. nClusters: how many there are.
  show({ colour, groups, colours, dark, nClusters }) {
    const byCluster = colour.by === "cluster";
    const shown = JSON.stringify([colour.by, dark, byCluster && Math.min(nClusters, MOST_CLUSTERS), colour.title, colour.key?.length]);
    this.root.hidden = colour.by === "species";
    if (shown === this.drawn || this.root.hidden) return;
    this.drawn = shown;
    const title = element("b", "", { textContent: colour.title });
    if (colour.scale) this.root.replaceChildren(title, ...drawScale(colour.scale, colours));
    else this.root.replaceChildren(title, byCluster ? drawClusters(groups, colours, nClusters) : drawGroups(groups, colours, groups.map(({ label }) => label)));
  }

  hide() {
    this.root.hidden = true;
  }
}

function drawScale(texts, colours) {
  const bar = element("div", "ex-bar"), ends = element("div", "ex-ends");
  bar.style.background = `linear-gradient(to right, ${colours.join(",")})`;
  ends.append(...texts.map((textContent) => element("span", "", { textContent })));
  return [bar, ends];
}

function drawGroups(groups, colours, labels) {
  const rows = element("div", "ex-keys");
  labels.forEach((label, k) => {
    const row = element("span", "ex-keyrow"), mark = element("canvas", "ex-mark");
    drawMark(mark, groups[k].symbol || "circle", colours[k]);
    row.append(mark, document.createTextNode(label));
    rows.append(row);
  });
  return rows;
}

// The first colour is that of noise. Clusters beyond the last colour begin with the first again.
function drawClusters(groups, colours, nClusters) {
  const labels = ["noise", ...groups.slice(1).map((_, k) => String(k + 1))].slice(0, 1 + nClusters);
  const rows = drawGroups(groups, colours, labels);
  if (nClusters > groups.length - 1) rows.append(element("span", "ex-keyrow", { textContent: "… and the same colours again" }));
  return rows;
}
