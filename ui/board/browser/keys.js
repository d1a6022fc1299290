// Which key does what. Kept in this browser; never a key of the browser or of Streamlit.
import { showKey } from "./elements.js";

// Streamlit clears its cache with C and reruns with R; Firefox finds with / and '; space scrolls, tab moves the focus.
const TAKEN = new Set(["c", "r", "/", "'", " ", "Tab", "Enter", "Escape", "Backspace", "Delete"]);

export const COMMANDS = [
  ["accept", "a", "Anomaly", "Decide"],
  ["reject", "n", "Normal", "Decide"],
  ["unsure", "u", "Unsure", "Decide"],
  ["species", "t", "Correct the species", "Decide"],
  ["note", "m", "Write a note", "Decide"],
  ["undo", "z", "Take back the last decision", "Decide"],
  ["redo", "y", "Decide it again", "Decide"],
  ["next", "ArrowRight", "Next crop", "Move"],
  ["previous", "ArrowLeft", "Previous crop", "Move"],
  ["down", "ArrowDown", "One row down", "Move"],
  ["up", "ArrowUp", "One row up", "Move"],
  ["nextUndecided", "g", "Next undecided", "Move"],
  ["nextPage", ".", "Next page", "Move"],
  ["previousPage", ",", "Previous page", "Move"],
  ["mark", "x", "Select this crop, or not", "Select"],
  ["markAll", "s", "Select all in view", "Select"],
  ["markEvent", "e", "Select the whole event", "Select"],
  ["open", "o", "One at a time, or the grid", "Look"],
  ["context", "p", "Whole photo, or the crop alone", "Look"],
  ["zoom", "w", "Zoom to the animal", "Look"],
  ["alike", "l", "Normal ones of the species", "Look"],
  ["history", "h", "Earlier decisions on this crop", "Look"],
  ["help", "?", "These keys", "Look"],
];

const REPEATING = new Set(["next", "previous", "down", "up"]);

export class Keys {
  constructor() {
    this.keys = Object.fromEntries(COMMANDS.map(([name, key]) => [name, key]));
    try {
      const kept = JSON.parse(localStorage.getItem("anomalure.keys") || "{}");
      for (const [name, key] of Object.entries(kept)) if (name in this.keys && typeof key === "string") this.keys[name] = key;
    } catch { /* the usual keys */ }
  }

  of(name) {
    return showKey(this.keys[name]);
  }

  // Why a key cannot be used, or an empty text.
  refuse(name, key) {
    if (TAKEN.has(key) || key.length > 1 && !key.startsWith("Arrow") && !key.startsWith("Page")) {
      return `${showKey(key)} belongs to the browser or to Streamlit. Press another key.`;
    }
    const other = COMMANDS.find(([one]) => one !== name && this.keys[one] === key);
    return other ? `${showKey(key)} is the key for “${other[2]}”. Press another key.` : "";
  }

  change(name, key) {
    this.keys[name] = key;
    this.#keep();
  }

  reset() {
    for (const [name, key] of COMMANDS) this.keys[name] = key;
    this.#keep();
  }

  #keep() {
    try { localStorage.setItem("anomalure.keys", JSON.stringify(this.keys)); } catch { /* for this visit only */ }
  }

  // The command of a key press, or an empty text. A key that is held down moves on, but decides once.
  command(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return "";
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const found = COMMANDS.find(([name]) => this.keys[name] === key);
    if (!found || (event.repeat && !REPEATING.has(found[0]))) return "";
    return found[0];
  }
}

export function normalKey(event) {
  return event.key.length === 1 ? event.key.toLowerCase() : event.key;
}

const TYPING = "input:not([type=checkbox]):not([type=radio]):not([type=range]):not([type=button]), textarea, select, [contenteditable=''], [contenteditable=true]";

// Whether the keys belong to whatever has the focus now: a field, a dialog, or a control that uses the arrows itself.
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
