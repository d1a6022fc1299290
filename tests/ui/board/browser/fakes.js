// A browser small enough for Node: its storage, its window, and elements without layout.

export class FakeStorage {
  constructor() {
    this.values = new Map();
    this.isFull = false;
  }

  get length() {
    return this.values.size;
  }

  key(n) {
    return [...this.values.keys()][n] ?? null;
  }

  getItem(name) {
    return this.values.get(name) ?? null;
  }

  setItem(name, value) {
    if (this.isFull) throw new Error("QuotaExceededError");
    this.values.set(name, String(value));
  }

  removeItem(name) {
    this.values.delete(name);
  }
}

class FakeClasses {
  constructor(element) {
    this.element = element;
  }

  get names() {
    return this.element.className.split(" ").filter(Boolean);
  }

  contains(name) {
    return this.names.includes(name);
  }

  replace(old, name) {
    this.element.className = this.names.map((one) => (one === old ? name : one)).join(" ");
  }
}

export class FakeElement extends EventTarget {
  constructor(tag) {
    super();
    Object.assign(this, { tag, className: "", textContent: "", hidden: false, dataset: {}, attributes: {}, children: [], parent: null });
    this.classList = new FakeClasses(this);
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  append(...children) {
    for (const child of children) {
      child.parent = this;
      this.children.push(child);
    }
  }

  prepend(child) {
    child.parent = this;
    this.children.unshift(child);
  }

  remove() {
    if (this.parent) this.parent.children = this.parent.children.filter((one) => one !== this);
    this.parent = null;
  }

  get lastElementChild() {
    return this.children.at(-1);
  }

  // Only ".class".
  querySelector(selector) {
    for (const child of this.children) {
      const found = child.classList.contains(selector.slice(1)) ? child : child.querySelector(selector);
      if (found) return found;
    }
    return null;
  }
}

export function installBrowser() {
  globalThis.localStorage = new FakeStorage();
  globalThis.window = new EventTarget();
  globalThis.document = { createElement: (tag) => new FakeElement(tag) };
  globalThis.Element = FakeElement;
  globalThis.HTMLDialogElement = class extends FakeElement {};
}

export const makeRow = (crop, changes = {}) =>
  ({ crop, species: "fox", verdict: "", verdictSpecies: "", note: "", reviewer: "", rate: 0.05, ...changes });

export const settle = () => new Promise((resolve) => setImmediate(resolve));
