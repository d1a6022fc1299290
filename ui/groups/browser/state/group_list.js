// The groups in the order in which they are shown, and which one has the focus.

export const isNamed = ({ meaning, source }) => Boolean(meaning) && source !== "suggested";

export class GroupList {
  constructor() {
    this.groups = [];
    this.byId = new Map();
    this.marked = new Set();
    this.at = 0;
  }

  get current() {
    return this.groups[this.at];
  }

  // Take what the server says. Cards keep their places while a person works: the parts of a group stand where it stood,
  // and a named group stays until the list is begun afresh. `waiting` are actions that are not on the disk yet.
  take(groups, { fresh = false, waiting = [] } = {}) {
    const focused = this.current?.id;
    const incoming = new Map(groups.map((group) => [group.id, { ...group, saving: "" }]));
    if (fresh || !this.groups.length) {
      this.groups = [...incoming.values()];
      this.at = 0;
    } else {
      const added = groups.filter(({ id }) => !this.byId.has(id)).map(({ id }) => incoming.get(id));
      const gone = this.groups.findIndex(({ id }) => !incoming.has(id));
      const before = gone === -1 ? this.groups.length : gone;
      const stay = (part) => part.filter(({ id }) => incoming.has(id)).map(({ id }) => incoming.get(id));
      this.groups = [...stay(this.groups.slice(0, before)), ...added, ...stay(this.groups.slice(before))];
    }
    this.byId = new Map(this.groups.map((group) => [group.id, group]));
    this.marked = new Set([...this.marked].filter((id) => this.byId.has(id)));
    const place = this.groups.findIndex(({ id }) => id === focused);
    this.at = place === -1 ? Math.max(0, Math.min(this.at, this.groups.length - 1)) : place;
    for (const item of waiting) this.overlay(item);
  }

  // Show at once what is only on its way to the disk.
  overlay({ kind, groups = [], meaning, species, reviewer }) {
    for (const group of groups.map((id) => this.byId.get(id)).filter(Boolean)) {
      if (kind === "name") Object.assign(group, { meaning, species, reviewer, source: "", saving: "waiting" });
      else if (kind !== "take_out") group.saving = "busy";
    }
  }

  go(place) {
    if (place >= 0 && place < this.groups.length) this.at = place;
  }

  goTo(id) {
    this.go(this.groups.findIndex((group) => group.id === id));
  }

  // The next group without a name after this one, from the top again after the last; -1 if every group has one.
  nextOpen(from = this.at) {
    for (let step = 1; step <= this.groups.length; step++) {
      const place = (from + step) % this.groups.length;
      if (!isNamed(this.groups[place])) return place;
    }
    return -1;
  }

  // What can change about each group, by its id.
  describe() {
    return new Map(this.groups.map(({ id, n, meaning, species }) => [id, JSON.stringify([n, meaning, species])]));
  }

  // The groups that are new or another thing than they were, in the order shown.
  findChanged(before) {
    const now = this.describe();
    return [...now.keys()].filter((id) => before.get(id) !== now.get(id));
  }

  toggleMark(id) {
    if (!this.marked.delete(id)) this.marked.add(id);
  }
}

// The names to offer for what was typed: that name first, which Enter takes; then likely ones, then those of the project.
export function offerNames(typed, { guesses, names, most = 8 }) {
  const wanted = typed.trim().toLowerCase();
  const all = [...new Set([...guesses.map(([name]) => name), ...names])];
  const exact = all.filter((name) => name.toLowerCase() === wanted);
  const begin = all.filter((name) => name.toLowerCase().startsWith(wanted) && !exact.includes(name));
  const word = all.filter((name) => ![...exact, ...begin].includes(name) && name.toLowerCase().includes(` ${wanted}`));
  const within = all.filter((name) => ![...exact, ...begin, ...word].includes(name) && name.toLowerCase().includes(wanted));
  const asTyped = wanted && !exact.length ? [typed.trim().replace(/\s+/g, " ")] : exact;
  return [...asTyped, ...begin, ...word, ...within].slice(0, most + 1);
}

// When most of the crops were taken: the six hours that hold most of them, in words; "" without times.
export function sayHours(hours) {
  const total = hours.reduce((sum, n) => sum + n, 0);
  if (!total) return "";
  const inWindow = (start) => Array.from({ length: 6 }, (_, n) => hours[(start + n) % 24]).reduce((sum, n) => sum + n, 0);
  const start = hours.map((_, hour) => hour).reduce((best, hour) => (inWindow(hour) > inWindow(best) ? hour : best), 0);
  const share = Math.round((100 * inWindow(start)) / total);
  return share < 45 ? "at all hours" : `${share}% from ${start} to ${(start + 6) % 24} h`;
}
