// Where the reviewer is in the queue. A rank is a crop's row in the queue: 0 is the most anomalous one.

export class Cursor {
  constructor({ rows, choices }) {
    this.rows = rows;
    this.choices = choices;
    this.rank = 0;
  }

  get row() {
    return this.rows.at(this.rank);
  }

  get pageSize() {
    return this.choices.pageSize;
  }

  get pageStart() {
    return this.rank - (this.rank % this.pageSize);
  }

  // The ranks that are on the screen: [from, to).
  get shown() {
    const { rank, pageStart } = this;
    return this.choices.single ? [rank, rank + 1] : [pageStart, Math.min(pageStart + this.pageSize, this.rows.total)];
  }

  pageRows() {
    const rows = [];
    for (let rank = this.pageStart; rank < Math.min(this.pageStart + this.pageSize, this.rows.total); rank++) {
      const row = this.rows.at(rank);
      if (row) rows.push(row);
    }
    return rows;
  }

  // The rank so many steps on, at most at an end of the queue.
  after(steps) {
    return this.clamp(this.rank + steps);
  }

  clamp(rank) {
    return Math.max(0, Math.min(this.rows.total - 1, rank));
  }

  // The next rank, from the given one on, that is undecided or not fetched yet; -1 if there is none.
  nextOpen(from) {
    for (let rank = from; rank < this.rows.total; rank++) if (!this.rows.at(rank)?.verdict) return rank;
    return -1;
  }

  // The next undecided crop after this one, then from the beginning; -1 if there is none or it cannot be fetched.
  async findNextUndecided() {
    const start = this.rank;
    for (const [from, to] of [[start + 1, this.rows.total], [0, start]]) {
      let rank = this.nextOpen(from);
      while (rank !== -1 && rank < to) {
        if (!this.rows.at(rank)) await this.rows.fetch(rank, rank + this.pageSize).catch(() => {});
        const row = this.rows.at(rank);
        if (!row) break;
        if (!row.verdict) return rank;
        rank = this.nextOpen(rank);
      }
    }
    return -1;
  }
}
