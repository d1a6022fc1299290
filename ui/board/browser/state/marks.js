// The crops that the reviewer has selected, so that one decision covers them all.

export class Marks {
  constructor({ rows, onChange }) {
    this.rows = rows;
    this.onChange = onChange;
    this.crops = new Set();
    this.anchor = null; // the rank where a range began
  }

  get size() {
    return this.crops.size;
  }

  has(crop) {
    return this.crops.has(crop);
  }

  toggle(crop) {
    if (!this.crops.delete(crop)) this.crops.add(crop);
    this.onChange();
  }

  add(crops) {
    for (const crop of crops) this.crops.add(crop);
    this.onChange();
  }

  // Select the range from where it began (else from the given rank) up to another rank.
  extend(from, to) {
    this.anchor ??= from;
    const rows = [];
    for (let rank = Math.min(this.anchor, to); rank <= Math.max(this.anchor, to); rank++) rows.push(this.rows.at(rank));
    this.add(rows.filter(Boolean).map(({ crop }) => crop));
  }

  endRange() {
    this.anchor = null;
  }

  // Select all of a page, or none if all are selected. Decided crops are left out as long as others are undecided, so
  // that nobody changes a decision unawares.
  toggleAll(rows) {
    const open = rows.filter((row) => !row.verdict);
    const crops = (open.length ? open : rows).map((row) => row.crop);
    if (!crops.every((crop) => this.crops.has(crop))) {
      this.add(crops);
      return;
    }
    for (const crop of crops) this.crops.delete(crop);
    this.onChange();
  }

  clear() {
    this.crops.clear();
    this.endRange();
    this.onChange();
  }
}
