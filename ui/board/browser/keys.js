// Which key gives which command. Changes are kept in this browser.
import { keep, readKept } from "./state/kept.js";

const NAME = "anomalure.keys";
// Streamlit clears its cache with C and reruns with R. Firefox searches with / and '. Space scrolls, Tab moves the focus.
const TAKEN = new Set(["c", "r", "/", "'", " ", "Tab", "Enter", "Escape", "Backspace", "Delete"]);

// Name, key, what it does, heading.
export const COMMANDS = [
  ["accept", "a", "Anomaly", "Decide"],
  ["reject", "n", "Normal", "Decide"],
  ["unsure", "u", "Unsure", "Decide"],
  ["species", "t", "Correct the species", "Decide"],
  ["note", "m", "Write a note", "Decide"],
  ["undo", "z", "Undo the last decision", "Decide"],
  ["redo", "y", "Redo the decision", "Decide"],
  ["next", "ArrowRight", "Next crop", "Move"],
  ["previous", "ArrowLeft", "Previous crop", "Move"],
  ["down", "ArrowDown", "One row down", "Move"],
  ["up", "ArrowUp", "One row up", "Move"],
  ["nextUndecided", "g", "Next undecided crop", "Move"],
  ["nextPage", ".", "Next page", "Move"],
  ["previousPage", ",", "Previous page", "Move"],
  ["mark", "x", "Select or deselect this crop", "Select"],
  ["markAll", "s", "Select the whole page", "Select"],
  ["markEvent", "e", "Select the whole event", "Select"],
  ["open", "o", "One at a time, or grid", "View"],
  ["context", "p", "Whole photo, or crop only", "View"],
  ["zoom", "w", "Zoom to the animal", "View"],
  ["alike", "l", "Enlarge the crops to compare with", "View"],
  ["history", "h", "Earlier decisions on this crop", "View"],
  ["help", "?", "Show these keys", "View"],
];

const REPEATING = new Set(["next", "previous", "down", "up"]);
const KEY_NAMES = { ArrowRight: "→", ArrowLeft: "←", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", Enter: "Enter" };

export function showKey(key) {
  return KEY_NAMES[key] || (key.length === 1 ? key.toUpperCase() : key);
}

// The key of an event, the same with and without Shift or Caps Lock.
export function normalKey(event) {
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

export class Keys {
  constructor() {
    this.keys = Object.fromEntries(COMMANDS.map(([name, key]) => [name, key]));
    for (const [name, key] of Object.entries(readKept(NAME))) {
      if (name in this.keys && typeof key === "string") this.keys[name] = key;
    }
  }

  of(name) {
    return showKey(this.keys[name]);
  }

  // Why a key cannot be used for a command; empty if it can.
  refuse(name, key) {
    if (TAKEN.has(key) || (key.length > 1 && !key.startsWith("Arrow") && !key.startsWith("Page"))) {
      return `${showKey(key)} belongs to the browser or to Streamlit. Press another key.`;
    }
    const other = COMMANDS.find(([one]) => one !== name && this.keys[one] === key);
    return other ? `${showKey(key)} is the key for “${other[2]}”. Press another key.` : "";
  }

  change(name, key) {
    this.keys[name] = key;
    keep(NAME, this.keys);
  }

  reset() {
    for (const [name, key] of COMMANDS) this.keys[name] = key;
    keep(NAME, this.keys);
  }

  // The command of a key press; empty if there is none. A key that is held down moves on and on, but decides once.
  command(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return "";
    const key = normalKey(event);
    const found = COMMANDS.find(([name]) => this.keys[name] === key);
    return found && (!event.repeat || REPEATING.has(found[0])) ? found[0] : "";
  }
}

const TYPING = "input:not([type=checkbox]):not([type=radio]):not([type=range]):not([type=button]), textarea, select, [contenteditable=''], [contenteditable=true]";

// Whether a key press belongs to something else than the board: a field, a dialog, or a control that uses the arrows.
export function isElsewhere(event, root) {
  const path = event.composedPath();
  const target = path[0];
  if (!(target instanceof Element)) return false;
  // A dialog that has just closed keeps the focus for a moment more, in its field too.
  const dialog = path.find((one) => one instanceof HTMLDialogElement);
  if (dialog) return dialog.open;
  if (target.closest(TYPING)) return true;
  if (!path.includes(root)) {
    if (document.querySelector("[role=dialog], [data-testid=stPopoverBody]")) return true;
    return event.key.length > 1 && target !== document.body;
  }
  return target.matches("input[type=range], input[type=radio]") && event.key.startsWith("Arrow");
}
