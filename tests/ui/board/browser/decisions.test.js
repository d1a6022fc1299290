import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Decisions } from "../../../../ui/board/browser/state/decisions.js";
import { Rows } from "../../../../ui/board/browser/state/rows.js";
import { Steps } from "../../../../ui/board/browser/state/steps.js";
import { installBrowser, makeRow } from "./fakes.js";

let changes;
let outbox;

function makeDecisions({ rows = ["a", "b", "c"].map((crop) => makeRow(crop)), items = [], last = [] } = {}) {
  changes = [];
  outbox = { items: [...items], sent: [], add(more) { this.sent.push(...more); this.items.push(...more); } };
  const decisions = new Decisions({
    data: { run: "r1", reviewer: "Ada", pass: "p", selected: 3, decided: rows.filter(({ verdict }) => verdict).length, today: { n: 5, first: null } },
    rows: new Rows({ run: "r1", query: {}, total: rows.length, rows }),
    outbox,
    onChange: (change) => changes.push(change),
  });
  decisions.restore(last);
  return decisions;
}

const verdictsOf = (decisions) => [...decisions.rows.byCrop.values()].map(({ verdict }) => verdict);

beforeEach(installBrowser);

test("a decision shows at once, counts, and goes to the outbox with all that the server needs", () => {
  const decisions = makeDecisions();
  decisions.decide("anomaly", ["a"], { species: "wolf", note: "limps" });

  const row = decisions.rows.byCrop.get("a");
  assert.deepEqual([row.verdict, row.verdictSpecies, row.note, row.reviewer, row.saving], ["anomaly", "wolf", "limps", "Ada", "waiting"]);
  const { id, at, ...item } = outbox.sent[0];
  assert.deepEqual(item, { run: "r1", crop: "a", seen: null, verdict: "anomaly", species: "wolf", note: "limps", given_to: "", rate: 0.05, pass: "p", reviewer: "Ada" });
  assert.ok(id && at);
  assert.deepEqual([decisions.counts.decided, decisions.counts.today], [1, 6]);
});

test("the same decision again is no change, and a crop that was not fetched is not decided", () => {
  const decisions = makeDecisions();
  decisions.decide("normal", ["a"]);
  decisions.decide("normal", ["a"]);
  decisions.decide("normal", ["unknown"]);
  assert.equal(outbox.sent.length, 1);
  assert.equal(decisions.counts.decided, 1);
});

test("a species or a note stays when only the verdict changes", () => {
  const decisions = makeDecisions();
  decisions.decide("anomaly", ["a"], { species: "wolf", note: "limps" });
  decisions.decide("unsure", ["a"]);
  assert.deepEqual([outbox.sent[1].species, outbox.sent[1].note], ["wolf", "limps"]);
});

test("undo and redo go through the steps, each as a new decision", () => {
  const decisions = makeDecisions();
  decisions.decide("anomaly", ["a"]);
  decisions.decide("normal", ["b", "c"]);
  decisions.undo();
  assert.deepEqual(verdictsOf(decisions), ["anomaly", "", ""]);
  decisions.undo();
  assert.deepEqual(verdictsOf(decisions), ["", "", ""]);
  assert.equal(decisions.undo(), undefined);
  decisions.redo();
  decisions.redo();
  assert.deepEqual(verdictsOf(decisions), ["anomaly", "normal", "normal"]);
  assert.equal(decisions.redo(), undefined);

  assert.deepEqual(outbox.sent.map(({ crop, verdict }) => [crop, verdict]), [
    ["a", "anomaly"], ["b", "normal"], ["c", "normal"], ["b", null], ["c", null], ["a", null],
    ["a", "anomaly"], ["b", "normal"], ["c", "normal"],
  ]);
  assert.deepEqual([decisions.counts.decided, decisions.counts.today], [3, 8]);
});

test("a crop that was decided twice is taken back step by step, and its other steps are forgotten", () => {
  const decisions = makeDecisions();
  decisions.decide("anomaly", ["a"]);
  decisions.decide("unsure", ["a", "b"]);
  assert.equal(decisions.takeBack("a"), true);
  assert.deepEqual(verdictsOf(decisions), ["anomaly", "unsure", ""]);
  assert.equal(changes.at(-1).isOurs, true, "the first decision is still the reviewer's own");
  assert.equal(decisions.takeBack("a"), true);
  assert.deepEqual(verdictsOf(decisions), ["", "unsure", ""]);
  assert.equal(changes.at(-1).isOurs, false);
  assert.equal(decisions.takeBack("a"), false);

  decisions.undo();
  assert.deepEqual(verdictsOf(decisions), ["", "", ""]);
  assert.equal(decisions.steps.canUndo, false);
});

test("after an undo, taking back goes to the state before, not to what was undone", () => {
  const decisions = makeDecisions();
  decisions.decide("anomaly", ["a"]);
  decisions.decide("normal", ["a"]);
  decisions.undo();
  decisions.takeBack("a");
  assert.deepEqual(verdictsOf(decisions), ["", "", ""]);
});

test("another reviewer's decision that is changed and undone is not called one's own", () => {
  const decisions = makeDecisions({ rows: [makeRow("a", { verdict: "normal", reviewer: "Ben" })] });
  decisions.decide("anomaly", ["a"]);
  assert.equal(changes.at(-1).isOurs, true);
  decisions.undo();
  assert.deepEqual(verdictsOf(decisions), ["normal"]);
  assert.equal(changes.at(-1).isOurs, false);
  assert.equal(decisions.counts.decided, 1);
});

test("a look at a crop of a named group is a decision of its own, and its undo brings the group's verdict back", () => {
  const decisions = makeDecisions({ rows: [makeRow("a", { verdict: "normal", verdictSpecies: "fox", reviewer: "Ben", givenTo: "g" })] });
  decisions.decide("normal", ["a"]);
  decisions.undo();
  assert.deepEqual(outbox.sent.map(({ verdict, species, given_to }) => [verdict, species, given_to]), [
    ["normal", "fox", ""], ["normal", "fox", "g"],
  ]);
  assert.equal(decisions.rows.byCrop.get("a").givenTo, "g");
});

test("a decision of before the reload can be undone, and one that waits is shown as decided", () => {
  const before = { verdict: "", species: "", note: "" };
  const decisions = makeDecisions({
    rows: [makeRow("a", { verdict: "normal" }), makeRow("b"), makeRow("c")],
    last: [{ crop: "a", verdict: "normal", species: "", note: "", before }, { crop: "beyond", verdict: "unsure", species: "", note: "", before }],
    items: [{ id: "1", run: "r1", crop: "b", verdict: "anomaly", species: "", note: "" }, { id: "2", run: "r2", crop: "c", verdict: "anomaly", species: "", note: "" }],
  });
  assert.deepEqual(changes.map(({ crop, state, isOurs }) => [crop, state.verdict, state.saving, isOurs]), [
    ["beyond", "unsure", "saved", true], ["a", "normal", "saved", true], ["b", "anomaly", "waiting", true],
  ]);
  assert.deepEqual(verdictsOf(decisions), ["normal", "anomaly", ""]);
  assert.equal(decisions.counts.decided, 2);
  assert.equal(outbox.sent.length, 0, "nothing is decided anew");

  decisions.undo();
  decisions.undo();
  assert.equal(decisions.takeBack("beyond"), true, "also where the crop was not fetched");
  assert.deepEqual(outbox.sent.map(({ crop, verdict }) => [crop, verdict]), [["b", null], ["a", null], ["beyond", null]]);
});

test("a card says saved only when the crop's newest decision is saved", () => {
  const decisions = makeDecisions();
  decisions.decide("anomaly", ["a"]);
  decisions.decide("normal", ["a"]);
  const [first, second] = outbox.items;
  outbox.items = [second];
  assert.deepEqual(decisions.markSaved([first]), []);
  assert.equal(decisions.rows.byCrop.get("a").saving, "waiting");
  outbox.items = [];
  assert.deepEqual(decisions.markSaved([second]), ["a"]);
  assert.equal(decisions.rows.byCrop.get("a").saving, "saved");
  decisions.markRefused([second]);
  assert.equal(decisions.rows.byCrop.get("a").saving, "refused");
});

test("each decision says which verdict the reviewer saw: the one that was fetched, then their own last", () => {
  const decisions = makeDecisions({ rows: [makeRow("a", { version: "of Ben", verdict: "normal" }), makeRow("b", { version: "" })] });
  decisions.decide("anomaly", ["a", "b"]);
  decisions.decide("unsure", ["a"]);
  decisions.undo();
  decisions.undo();
  decisions.decide("normal", ["b"]);
  const [a1, b1, a2, a3, a4, b2, b3] = outbox.sent;
  assert.deepEqual([a1.seen, b1.seen, a2.seen, a3.seen, a4.seen], ["of Ben", "", a1.id, a2.id, a3.id]);
  assert.deepEqual([b2.verdict, b2.seen, b3.seen], [null, b1.id, ""]);
});

test("where somebody else decided meanwhile, their decision is shown and one's own is no step any more", () => {
  const decisions = makeDecisions({ rows: [makeRow("a", { version: "" }), makeRow("b", { version: "" })] });
  decisions.decide("anomaly", ["a", "b"]);
  const [item] = outbox.items;
  decisions.markRefused([item], { [item.id]: { verdict: "normal", verdictSpecies: "fox", note: "", reviewer: "Ben", givenTo: "", version: "v" } });
  const row = decisions.rows.byCrop.get("a");
  assert.deepEqual([row.verdict, row.verdictSpecies, row.reviewer, row.saving], ["normal", "fox", "Ben", ""]);
  assert.deepEqual([changes.at(-1).isOurs, decisions.counts.decided], [false, 2]);
  assert.equal(decisions.counts.today, 5 + 1, "only the other crop's counts");
  decisions.undo();
  assert.deepEqual(verdictsOf(decisions), ["normal", ""], "only the other crop");
  decisions.decide("unsure", ["a"]);
  assert.equal(outbox.sent.at(-1).seen, "v", "deciding again is meant");
});

test("what cannot be saved is neither shown nor counted as decided", () => {
  const decisions = makeDecisions({ rows: [makeRow("a"), makeRow("b"), makeRow("c", { verdict: "normal", version: "v" })] });
  const before = { ...decisions.counts };
  decisions.decide("anomaly", ["a"], { species: "fox" });
  decisions.decide("unsure", ["b"]);
  decisions.decide("anomaly", ["c"]);
  const items = outbox.items.splice(0);
  decisions.markRefused(items);
  assert.deepEqual(decisions.counts, before);
  assert.deepEqual(verdictsOf(decisions), ["", "", "normal"]);
  const row = decisions.rows.byCrop.get("a");
  assert.deepEqual([row.saving, row.reviewer, row.verdictSpecies], ["refused", "", ""]);
  assert.deepEqual(changes.slice(-3).map(({ isOurs }) => isOurs), [false, false, false], "nothing is left to undo");
  assert.equal(decisions.undo(), undefined);
  decisions.decide("normal", ["c"], { note: "again" });
  assert.equal(outbox.sent.at(-1).seen, "v", "what is on the server");
});

test("a note decides nothing, and goes with the verdict that is given later", () => {
  const decisions = makeDecisions({ rows: [makeRow("a"), makeRow("b", { verdict: "normal", reviewer: "Ben" })] });
  decisions.note(["a", "b"], "a tail?");
  assert.deepEqual(outbox.sent.map(({ crop, kind, verdict, note }) => [crop, kind, verdict, note]), [
    ["b", undefined, "normal", "a tail?"], ["a", "note", undefined, "a tail?"],
  ]);
  assert.deepEqual([verdictsOf(decisions), decisions.counts.decided], [["", "normal"], 1]);
  decisions.decide("anomaly", ["a"]);
  assert.equal(outbox.sent.at(-1).note, "a tail?");
  const later = makeDecisions({ items: [{ id: "1", run: "r1", crop: "a", kind: "note", note: "waits" }] });
  assert.deepEqual([later.rows.byCrop.get("a").note, verdictsOf(later)], ["waits", ["", "", ""]]);
});

test("the last 500 steps can be undone, and a new one ends what could be redone", () => {
  const steps = new Steps();
  for (let n = 0; n < 501; n++) steps.add([{ crop: String(n) }]);
  assert.equal(steps.undo()[0].crop, "500");
  steps.add([{ crop: "new" }]);
  assert.equal(steps.canRedo, false);
  let n = 0;
  while (steps.undo()) n++;
  assert.equal(n, 500);
});
