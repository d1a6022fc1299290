// Which species of the plot are drawn, and their opacity.

export class Looks {
  constructor() {
    this.groups = [];
    this.on = [];
    this.opacity = [];
  }

  // looks: { off, fade } as of ``chosen``.
  set(groups, { off, fade }) {
    this.groups = groups;
    this.on = groups.map(({ name }) => !off.includes(name));
    this.opacity = groups.map(({ name }) => fade[name] ?? 1);
  }

  // { off: names that are hidden, fade: opacity by name }; what is drawn in full is left out.
  get chosen() {
    const off = [], fade = {};
    this.groups.forEach(({ name }, k) => {
      if (!this.on[k]) off.push(name);
      if (this.opacity[k] < 1) fade[name] = Math.round(this.opacity[k] * 100) / 100;
    });
    return { off, fade };
  }

  // What each group is drawn with, 0 (hidden) to 1.
  get strengths() {
    return this.groups.map((_, k) => (this.on[k] ? this.opacity[k] : 0));
  }

  // Hide a group, or show it: one that was faded to nothing is then drawn in full.
  toggle(k) {
    this.on[k] = this.strengths[k] === 0;
    if (this.on[k]) this.opacity[k] ||= 1;
  }

  fade(k, opacity) {
    this.opacity[k] = opacity;
    this.on[k] = true;
  }

  // Show one group alone, or all of them again if it was alone.
  solo(k) {
    const alone = this.on.every((on, j) => on === (j === k));
    this.on = this.on.map((_, j) => alone || j === k);
    this.opacity[k] ||= 1;
  }

  // what: "all", "none" or "invert".
  turn(what) {
    this.on = this.on.map((on) => (what === "invert" ? !on : what === "all"));
    if (what === "all") this.opacity.fill(1);
  }
}
