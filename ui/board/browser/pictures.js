// Pictures fetched and decoded before they are needed, so that the next crop paints at once.

const KEPT = 500;
// A browser holds six connections to one server: decisions and questions must never wait behind pictures for later.
const AT_ONCE = 3;

export class Pictures {
  constructor() {
    this.ready = new Map();
    this.queue = [];
    this.active = 0;
  }

  // Begin to fetch and decode, at once or when its turn comes; the same picture is fetched once.
  prepare(address, { now = false } = {}) {
    let one = this.ready.get(address);
    if (one) {
      this.ready.delete(address);
    } else {
      one = { address, image: new Image(), begun: false, done: false, failed: false };
      one.when = new Promise((resolve) => { one.resolve = resolve; });
      this.queue.push(one);
    }
    this.ready.set(address, one);
    if (now && !one.begun) this.#begin(one);
    this.#goOn();
    for (const [old, { begun }] of this.ready) {
      if (this.ready.size <= KEPT) break;
      if (begun) this.ready.delete(old);
    }
    return one;
  }

  // What was wanted for later is wanted no more: the reviewer has gone on.
  forgetQueue() {
    for (const one of this.queue) if (!one.begun) this.ready.delete(one.address);
    this.queue = [];
  }

  #goOn() {
    while (this.active < AT_ONCE && this.queue.length) {
      const one = this.queue.shift();
      if (!one.begun) this.#begin(one);
    }
  }

  #begin(one) {
    one.begun = true;
    this.active++;
    one.image.src = one.address;
    one.image.decode().then(() => { one.done = true; }, () => { one.failed = true; }).then(() => {
      this.active--;
      one.resolve();
      this.#goOn();
    });
  }
}
