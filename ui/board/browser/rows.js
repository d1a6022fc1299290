// The crops of the queue by their place in it: a window that is fetched ahead of the reviewer.
import { ask, runPath } from "./addresses.js";

const CHUNK = 120;

export class Rows {
  constructor({ run, query, total, rows }) {
    this.run = run;
    this.query = query;
    this.total = total;
    this.byPlace = new Map();
    this.byCrop = new Map();
    this.places = new Map();
    this.underWay = new Map();
    rows.forEach((row, place) => this.put(place, row));
  }

  put(place, row) {
    const known = this.byCrop.get(row.crop) || row;
    this.byCrop.set(row.crop, known);
    this.byPlace.set(place, known);
    if (!this.places.has(row.crop)) this.places.set(row.crop, place);
  }

  // A crop that is not in the queue but was seen beside it, such as one of the same event.
  meet(row) {
    const known = this.byCrop.get(row.crop);
    if (known) return known;
    this.byCrop.set(row.crop, row);
    return row;
  }

  at(place) {
    return this.byPlace.get(place);
  }

  has(from, to) {
    for (let place = from; place < Math.min(to, this.total); place++) if (!this.byPlace.has(place)) return false;
    return true;
  }

  // Fetch what is missing of [from, to); resolves when it is there.
  async fetch(from, to) {
    const jobs = [];
    const last = Math.min(to, this.total);
    for (let place = Math.max(0, from); place < last; place++) {
      if (this.byPlace.has(place)) continue;
      const start = place - (place % CHUNK);
      if (!this.underWay.has(start)) this.underWay.set(start, this.#fetchChunk(start));
      jobs.push(this.underWay.get(start));
      place = start + CHUNK - 1;
    }
    await Promise.all(jobs);
  }

  async #fetchChunk(start) {
    try {
      const query = new URLSearchParams({ ...this.query, from: start, n: CHUNK });
      const { rows } = await ask(runPath(this.run, `queue?${query}`));
      rows.forEach((row, n) => {
        if (!this.byPlace.has(start + n)) this.put(start + n, row);
      });
    } finally {
      this.underWay.delete(start);
    }
  }
}
