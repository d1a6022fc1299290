// The crops of the queue by their rank in it. The part around the reviewer is fetched ahead.
import { ask, runPath } from "../addresses.js";

const CHUNK = 120;
const EVENTS_KEPT = 200;

export class Rows {
  constructor({ run, query, total, rows }) {
    this.run = run;
    this.query = query;
    this.total = total;
    this.byRank = new Map();
    this.byCrop = new Map();
    this.ranks = new Map();
    this.events = new Map();
    this.underWay = new Map();
    rows.forEach((row, rank) => this.put(rank, row));
  }

  put(rank, row) {
    const known = this.meet(row);
    this.byRank.set(rank, known);
    if (!this.ranks.has(row.crop)) this.ranks.set(row.crop, rank);
  }

  // The one row of a crop, so that a decision shows wherever the crop is seen. The crop need not be in the queue: it may
  // only belong to the same event as one that is.
  meet(row) {
    if (!this.byCrop.has(row.crop)) this.byCrop.set(row.crop, row);
    return this.byCrop.get(row.crop);
  }

  at(rank) {
    return this.byRank.get(rank);
  }

  has(from, to) {
    for (let rank = from; rank < Math.min(to, this.total); rank++) if (!this.byRank.has(rank)) return false;
    return true;
  }

  // Fetch what is missing of [from, to); resolves when it is there.
  async fetch(from, to) {
    const jobs = [];
    const last = Math.min(to, this.total);
    for (let rank = Math.max(0, from); rank < last; rank++) {
      if (this.byRank.has(rank)) continue;
      const start = rank - (rank % CHUNK);
      if (!this.underWay.has(start)) this.underWay.set(start, this.#fetchChunk(start));
      jobs.push(this.underWay.get(start));
      rank = start + CHUNK - 1;
    }
    await Promise.all(jobs);
  }

  async #fetchChunk(start) {
    try {
      const query = new URLSearchParams({ ...this.query, from: start, n: CHUNK });
      const { rows } = await ask(runPath(this.run, `queue?${query}`));
      rows.forEach((row, n) => {
        if (!this.byRank.has(start + n)) this.put(start + n, row);
      });
    } finally {
      this.underWay.delete(start);
    }
  }

  // The event of a crop, { photos, more }: asked for once.
  eventOf({ crop }) {
    if (!this.events.has(crop)) {
      const asked = ask(runPath(this.run, `crops/${crop}`)).then(({ event }) => event);
      this.events.set(crop, asked);
      asked.catch(() => this.events.delete(crop));
      if (this.events.size > EVENTS_KEPT) this.events.delete(this.events.keys().next().value);
    }
    return this.events.get(crop);
  }
}
