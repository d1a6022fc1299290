// Steps of deciding that can be taken back and made again, as many as there were.

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

  // changes: [{crop, before, after}], each state {verdict, species, note}
  add(step) {
    this.done.push(step);
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

  // One crop's decision was taken back in the strip: it leaves the steps that could be taken back.
  forget(crop) {
    for (const step of this.done) step.changes = step.changes.filter((change) => change.crop !== crop);
    this.done = this.done.filter((step) => step.changes.length);
    this.undone = [];
  }
}
