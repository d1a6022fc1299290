import assert from "node:assert/strict";
import { test } from "node:test";

import { GroupList, isNamed, offerNames, sayHours } from "../../../../ui/groups/browser/state/group_list.js";

const group = (id, changes = {}) => ({ id, n: 5, meaning: "", species: "", reviewer: "", source: "", ...changes });
const ids = (list) => list.groups.map(({ id }) => id);

function makeList(...groups) {
  const list = new GroupList();
  list.take(groups, { fresh: true });
  return list;
}

test("a named group keeps its place until the list is begun afresh", () => {
  const list = makeList(group("a"), group("b"), group("c"));
  const now = [group("b"), group("c"), group("a", { meaning: "odd" })];

  list.take(now);
  assert.deepEqual(ids(list), ["a", "b", "c"]);
  assert.equal(list.groups[0].meaning, "odd");

  list.take(now, { fresh: true });
  assert.deepEqual(ids(list), ["b", "c", "a"]);
});

test("the parts of a group stand where it stood, and have the focus", () => {
  const list = makeList(group("a"), group("b"), group("c"));
  list.goTo("b");

  list.take([group("a"), group("c"), group("b1"), group("b2")]);

  assert.deepEqual(ids(list), ["a", "b1", "b2", "c"]);
  assert.equal(list.current.id, "b1");
});

test("what an undo changed is found: groups that are new, or have another name or size", () => {
  const list = makeList(group("a"), group("b", { meaning: "odd" }), group("c"));
  const before = list.describe();

  list.take([group("a"), group("b"), group("d"), group("c", { n: 6 })]);

  assert.deepEqual(list.findChanged(before), ["b", "c", "d"]);
});

test("a joined group stands where the first of its parts stood", () => {
  const list = makeList(group("a"), group("b"), group("c"), group("d"));
  list.toggleMark("b");
  list.toggleMark("d");

  list.take([group("a"), group("c"), group("bd")]);

  assert.deepEqual(ids(list), ["a", "bd", "c"]);
  assert.equal(list.marked.size, 0, "the marks of groups that are gone are gone");
});

test("what is on its way to the disk is shown at once, also after an older answer", () => {
  const list = makeList(group("a"), group("b"));
  const waiting = [{ kind: "name", groups: ["a"], meaning: "species", species: "fox", reviewer: "Ada" }];

  list.overlay(waiting[0]);
  assert.deepEqual([list.groups[0].species, list.groups[0].saving], ["fox", "waiting"]);

  list.take([group("a"), group("b")], { waiting });
  assert.deepEqual([list.groups[0].species, list.groups[0].saving], ["fox", "waiting"]);

  list.take([group("a", { meaning: "species", species: "fox" }), group("b")]);
  assert.equal(list.groups[0].saving, "", "it is on the disk");
});

test("a group that is being split or joined can do nothing else meanwhile", () => {
  const list = makeList(group("a"), group("b"));
  list.overlay({ kind: "split", groups: ["a"] });
  assert.equal(list.groups[0].saving, "busy");
});

test("the next group without a name is found from the top again, and a suggestion is no name yet", () => {
  const list = makeList(group("a"), group("b", { meaning: "odd" }), group("c", { meaning: "species", source: "suggested" }));
  assert.equal(isNamed(list.groups[2]), false);
  assert.equal(list.nextOpen(0), 2);
  assert.equal(list.nextOpen(2), 0);
  assert.equal(makeList(group("a", { meaning: "odd" })).nextOpen(), -1);
});

test("what was typed comes first, so that Enter takes it, then likely names, then those that begin so", () => {
  const offered = { guesses: [["raccoon", 0.6]], names: ["red fox", "fox", "raccoon dog"] };
  assert.deepEqual(offerNames("", offered), ["raccoon", "red fox", "fox", "raccoon dog"]);
  assert.deepEqual(offerNames("fo", offered), ["fo", "fox", "red fox"]);
  assert.deepEqual(offerNames("FOX", offered), ["fox", "red fox"]);
  assert.deepEqual(offerNames("dog", { guesses: [["dogfish", 0.6]], names: ["raccoon dog"] }), ["dog", "dogfish", "raccoon dog"]);
  assert.deepEqual(offerNames("  stone  marten ", offered), ["stone marten"]);
});

test("the hours are said when most of the crops were taken at the same time of day", () => {
  const night = Array.from({ length: 24 }, (_, hour) => (hour >= 21 || hour < 3 ? 10 : 0));
  assert.equal(sayHours(night), "100% from 21 to 3 h");
  assert.equal(sayHours(Array(24).fill(4)), "at all hours");
  assert.equal(sayHours(Array(24).fill(0)), "");
});
