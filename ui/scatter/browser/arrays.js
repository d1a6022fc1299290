// What the plot needs from the server: plotly.js, and arrays by their address.

const KEPT = 40;

let plotly = null;

export function loadPlotly(address) {
  if (window.Plotly) return Promise.resolve();
  plotly ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = done;
    script.onerror = () => { plotly = null; failed(new Error("The plot could not be loaded. Reload the page.")); };
    document.head.append(script);
  });
  return plotly;
}

// An address names its content, so each array is fetched once.
export class Arrays {
  constructor() {
    this.kept = new Map();
  }

  // The array, or a promise of it; null without an address. Kind is the type of its values, such as Float32Array.
  get(address, Kind) {
    if (!address) return null;
    let array = this.kept.get(address);
    if (!array) {
      array = fetch(address).then(async (answer) => {
        if (!answer.ok) throw Object.assign(new Error("The points are no longer available. Reload the page."), { lost: true });
        return new Kind(await answer.arrayBuffer());
      });
      array.catch(() => this.kept.delete(address));
      this.put(address, array);
    }
    return array;
  }

  put(address, array) {
    this.kept.set(address, array);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }
}
