// Pictures fetched and decoded before they are needed, so that the next crop paints at once.

const KEPT = 500;

export class Pictures {
  constructor() {
    this.ready = new Map();
  }

  // Begin to fetch and decode; the same picture is fetched once.
  prepare(address) {
    const known = this.ready.get(address);
    if (known) {
      this.ready.delete(address);
      this.ready.set(address, known);
      return known;
    }
    const image = new Image();
    image.decoding = "async";
    image.src = address;
    const one = { image, done: false };
    one.when = image.decode().then(
      () => { one.done = true; },
      () => { one.failed = true; },
    );
    this.ready.set(address, one);
    for (const old of this.ready.keys()) {
      if (this.ready.size <= KEPT) break;
      this.ready.delete(old);
    }
    return one;
  }
}
