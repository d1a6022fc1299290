// Which key does what to the group with the focus.
import { normalKey } from "../../board/browser/keys.js";

// Name, key, what it does, heading. Streamlit keeps C and R for itself.
export const COMMANDS = [
  ["name", "n", "Give a name (also Enter)", "Name"],
  ["usual", "u", "Usual (asks for its name)", "Name"],
  ["odd", "o", "Odd: what you look for", "Name"],
  ["nothing", "e", "Nothing there (empty)", "Name"],
  ["people", "p", "People", "Name"],
  ["confirm", "y", "Yes, the suggested name is right", "Name"],
  ["mixed", "m", "Mixed: split the group", "Change"],
  ["mark", "x", "Mark the group, or not", "Change"],
  ["join", "j", "Join the marked groups", "Change"],
  ["undo", "z", "Undo, as often as you like", "Change"],
  ["redo", "b", "Redo: bring back what was undone", "Change"],
  ["next", "ArrowRight", "Next group", "Move"],
  ["previous", "ArrowLeft", "Previous group", "Move"],
  ["down", "ArrowDown", "One row down", "Move"],
  ["up", "ArrowUp", "One row up", "Move"],
  ["nextOpen", "g", "Next group without a name", "Move"],
  ["all", "a", "See all crops of the group", "View"],
  ["help", "?", "Show these keys", "View"],
];

const REPEATING = new Set(["next", "previous", "down", "up"]);
const KEYS = new Map(COMMANDS.map(([name, key]) => [key, name]));

export const keyOf = (command) => COMMANDS.find(([name]) => name === command)[1];

// The command of a key press: its name, { guess: n } for the n-th likely name, or "" if there is none. A key that is held
// down moves on and on, but acts once.
export function readCommand(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return "";
  const key = normalKey(event);
  if (key === "Enter") return event.repeat ? "" : "name";
  if (/^[1-3]$/.test(key)) return event.repeat ? "" : { guess: Number(key) - 1 };
  const name = KEYS.get(key) ?? "";
  return event.repeat && !REPEATING.has(name) ? "" : name;
}
