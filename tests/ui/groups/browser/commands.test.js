import assert from "node:assert/strict";
import { test } from "node:test";

import { COMMANDS, readCommand } from "../../../../ui/groups/browser/commands.js";

const press = (key, changes = {}) => readCommand({ key, ...changes });

test("no key has two meanings, and Streamlit keeps its own", () => {
  const keys = COMMANDS.map(([, key]) => key);
  assert.equal(new Set(keys).size, keys.length);
  for (const key of ["c", "r", " ", "/", "1", "2", "3"]) assert.ok(!keys.includes(key), key);
});

test("letters act with and without Shift, Enter asks for a name, and digits take a likely name", () => {
  assert.equal(press("u"), "usual");
  assert.equal(press("U"), "usual");
  assert.equal(press("Enter"), "name");
  assert.deepEqual(press("2"), { guess: 1 });
  assert.equal(press("4"), "");
  assert.equal(press("q"), "");
});

test("a key that is held down moves on, but acts once", () => {
  assert.equal(press("ArrowRight", { repeat: true }), "next");
  for (const key of ["u", "m", "z", "Enter", "1"]) assert.equal(press(key, { repeat: true }), "", key);
});

test("keys with Ctrl or Alt belong to the browser", () => {
  for (const held of ["ctrlKey", "metaKey", "altKey", "isComposing"]) assert.equal(press("z", { [held]: true }), "");
});
