import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { DO } from "../../../../ui/board/browser/commands.js";
import { COMMANDS, Keys, isElsewhere, showKey } from "../../../../ui/board/browser/keys.js";
import { FakeElement, installBrowser } from "./fakes.js";

const press = (key, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...more });

beforeEach(installBrowser);

test("no two commands share a key, none takes a key of the browser or of Streamlit, and each does something", () => {
  const keys = new Keys();
  assert.equal(new Set(COMMANDS.map(([, key]) => key)).size, COMMANDS.length);
  for (const [name, key] of COMMANDS) {
    assert.equal(keys.refuse(name, key), "", key);
    assert.equal(keys.command(press(key)), name);
  }
  assert.deepEqual(Object.keys(DO).sort(), COMMANDS.map(([name]) => name).sort());
});

test("a key works with Shift or Caps Lock, but not with Ctrl, Alt or while a name is composed", () => {
  const keys = new Keys();
  assert.equal(keys.command(press("A", { shiftKey: true })), "accept");
  assert.equal(keys.command(press("ArrowRight", { shiftKey: true })), "next");
  for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }]) {
    assert.equal(keys.command(press("a", more)), "");
  }
  assert.equal(keys.command(press("F5")), "");
});

test("a key that is held down moves on, but decides once", () => {
  const keys = new Keys();
  assert.equal(keys.command(press("ArrowRight", { repeat: true })), "next");
  assert.equal(keys.command(press("a", { repeat: true })), "");
});

test("a changed key is kept for the next visit, its old key is free, and the defaults come back", () => {
  const keys = new Keys();
  keys.change("accept", "q");
  for (const one of [keys, new Keys()]) {
    assert.equal(one.command(press("q")), "accept");
    assert.equal(one.command(press("a")), "");
    assert.equal(one.of("accept"), "Q");
    assert.equal(one.refuse("reject", "a"), "");
  }
  keys.reset();
  assert.equal(new Keys().command(press("a")), "accept");
});

test("a key that is taken is refused with the reason", () => {
  const keys = new Keys();
  for (const key of ["c", "r", "/", "'", " ", "Tab", "Enter", "Escape", "Backspace", "Delete", "F5", "Home", "Dead"]) {
    assert.match(keys.refuse("accept", key), /belongs to the browser or to Streamlit/, key);
  }
  assert.match(keys.refuse("accept", "n"), /N is the key for “Normal”/);
  assert.equal(keys.refuse("accept", "a"), "", "its own");
  assert.equal(keys.refuse("accept", "PageDown"), "");
});

test("kept keys that are broken or of an unknown command leave the defaults", () => {
  for (const kept of ["{", "null", "7", '{"accept": 7, "fly": "f"}']) {
    localStorage.setItem("anomalure.keys", kept);
    assert.equal(new Keys().command(press("a")), "accept", kept);
    assert.equal(new Keys().command(press("f")), "", kept);
  }
});

test("keys are shown as they are printed on a keyboard", () => {
  assert.deepEqual(["a", "ArrowLeft", "Escape", "PageUp", "?"].map(showKey), ["A", "←", "Esc", "PageUp", "?"]);
});

class Target extends FakeElement {
  constructor({ typing = false, arrows = false } = {}) {
    super("input");
    this.closest = () => (typing ? this : null);
    this.matches = () => arrows;
  }
}

test("a key press in a field, in an open dialog or on a slider belongs to it, and one on the board to the board", () => {
  const root = new FakeElement("div");
  const body = new Target();
  document.body = body;
  document.querySelector = () => null;
  const at = (path, key = "a") => isElsewhere({ key, composedPath: () => path }, root);
  const dialog = new HTMLDialogElement("dialog");

  assert.equal(at([new Target(), root]), false);
  assert.equal(at([new Target({ typing: true }), root]), true);
  assert.equal(at([new Target({ arrows: true }), root], "ArrowRight"), true);
  assert.equal(at([new Target({ arrows: true }), root], "a"), false);
  dialog.open = true;
  assert.equal(at([new Target({ typing: true }), dialog, root]), true);
  dialog.open = false;
  assert.equal(at([new Target({ typing: true }), dialog, root]), false, "it has just closed");
  assert.equal(at([body]), false, "nothing has the focus");
  assert.equal(at([body], "ArrowRight"), false);
  assert.equal(at([new Target()], "ArrowRight"), true, "another part of the page moves by arrows");
  document.querySelector = () => ({});
  assert.equal(at([body]), true, "a dialog of the page is open");
});
