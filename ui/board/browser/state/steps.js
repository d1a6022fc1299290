// Decisions that can be undone and redone, the newest first.

const KEPT = 500;

export class Steps {
  constructor() {
    this.done = [];
    this.undone = [];
  }

  get canUndo() {
    return this.done.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  // A step is a list of changes, [{ crop, before, after }], with states { verdict, species, note }.
  add(changes) {
    this.done.push(changes);
    if (this.done.length > KEPT) this.done.shift();
    this.undone = [];
  }

  undo() {
    const step = this.done.pop();
    if (step) this.undone.push(step);
    return step;
  }

  redo() {
    const step = this.undone.pop();
    if (step) this.done.push(step);
    return step;
  }

  // The decision about one crop was taken back by itself: it leaves every step.
  forget(crop) {
    this.done = this.done.map((step) => step.filter((change) => change.crop !== crop)).filter((step) => step.length);
    this.undone = [];
  }
}
