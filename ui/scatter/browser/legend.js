// What the colours of the plot mean, where the list of species does not say it already.
import { element } from "./elements.js";
import { drawMark } from "./paint.js";

export class Legend {
  constructor(root) {
    this.root = root;
    this.drawn = "";
  }

  // colour: { by, title, scale, key }. groups: what is coloured, with one colour each. nClusters: how many there are.
  // ring: how the rings around noise are drawn, as a group; null where there are none.
  show({ colour, groups, colours, dark, nClusters, ring }) {
    const byCluster = colour.by === "cluster";
    const shown = JSON.stringify([colour.by, dark, byCluster && Math.min(nClusters, groups.length), colour.title, colour.key?.length, ring]);
    this.root.hidden = colour.by === "species" && !ring;
    if (shown === this.drawn || this.root.hidden) return;
    this.drawn = shown;
    const title = element("b", "", { textContent: colour.title });
    if (colour.by === "species") this.root.replaceChildren(); // the list beside the plot says it
    else if (colour.scale) this.root.replaceChildren(title, ...drawScale(colour.scale, colours));
    else this.root.replaceChildren(title, ...drawKeys(listKeys({ colour, groups, nClusters }), dark));
    if (byCluster && nClusters > groups.length - 1) this.root.append(element("span", "ex-keyrow", { textContent: "… and the same colours again" }));
    if (ring) this.root.append(...drawKeys([ring], dark));
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

function drawKeys(keys, dark) {
  return keys.map((key) => {
    const row = element("span", "ex-keyrow"), mark = element("canvas", "ex-mark");
    drawMark(mark, key.symbol || "circle", dark ? key.dark : key.light);
    row.append(mark, document.createTextNode(key.label));
    return row;
  });
}

// The lines of a legend, each as { label, symbol, light, dark }: the groups that have points or, by cluster, noise and the
// clusters that there are. The first colour is that of noise. Clusters beyond the last colour begin with the first again.
export function listKeys({ colour, groups, nClusters }) {
  if (colour.by !== "cluster") return groups.filter(({ n }) => n !== 0);
  return groups.slice(0, 1 + nClusters).map((group, k) => ({ ...group, label: k ? String(k) : "noise" }));
}
