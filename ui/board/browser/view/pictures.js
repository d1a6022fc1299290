// Fetches and decodes pictures before they are needed, so that the next crop paints at once.

const KEPT = 500;
// A browser opens six connections to one server. Decisions and questions must never wait behind pictures for later.
const AT_ONCE = 3;

export class Pictures {
  constructor() {
    this.ready = new Map();
    this.queue = [];
    this.active = 0;
  }

  // Fetch and decode a picture once, now or when its turn comes.
  prepare(address, { now = false } = {}) {
    let one = this.ready.get(address);
    if (one && !one.failed) { // a photo may have been put back meanwhile
      this.ready.delete(address);
    } else {
      one = { address, image: new Image(), begun: false, done: false, failed: false };
      one.when = new Promise((resolve) => { one.resolve = resolve; });
      this.queue.push(one);
    }
    this.ready.set(address, one);
    if (now && !one.begun) this.#begin(one);
    this.#beginNext();
    for (const [old, { begun }] of this.ready) {
      if (this.ready.size <= KEPT) break;
      if (begun) this.ready.delete(old);
    }
    return one;
  }

  // The reviewer has moved on: pictures that were queued and not begun are dropped.
  forgetQueue() {
    for (const one of this.queue) if (!one.begun) this.ready.delete(one.address);
    this.queue = [];
  }

  #beginNext() {
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
      this.#beginNext();
    });
  }
}
