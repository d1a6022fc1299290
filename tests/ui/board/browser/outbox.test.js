import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Outbox, newId, whole } from "../../../../ui/board/browser/state/outbox.js";
import { installBrowser, settle } from "./fakes.js";

let sent; // the bodies of all requests
let answer; // what the server says to the next ones

const item = (crop, changes = {}) =>
  ({ id: newId(), run: "r1", crop, verdict: "normal", species: "", note: "", rate: 0.05, pass: "p", reviewer: "Ada", at: Date.now(), ...changes });

const saveAll = ({ decisions }) => ({ saved: decisions.map(({ id }) => id), refused: {} });
const keptInBrowser = () => [...localStorage.values.keys()].filter((name) => name.includes(".decision.")).length;

function makeOutbox(project = "season") {
  const heard = { saved: [], refused: [], changes: 0 };
  const outbox = new Outbox({
    project,
    onChange: () => { heard.changes++; },
    onSaved: (items) => heard.saved.push(...items.map(({ crop }) => crop)),
    onRefused: (items, reasons) => heard.refused.push(...items.map(({ id, crop }) => [crop, reasons.get(id)])),
  });
  return { outbox, heard };
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  installBrowser();
  sent = [];
  answer = saveAll;
  globalThis.fetch = async (address, { body }) => {
    const request = JSON.parse(body);
    sent.push(request);
    const values = await answer(request);
    return { ok: !values.status || values.status === 200, status: values.status ?? 200, json: async () => values };
  };
});

test("a decision is kept in the browser until the server has saved it", async () => {
  const { outbox, heard } = makeOutbox();
  outbox.add([item("a")]);
  assert.equal(outbox.waiting, 1);
  assert.equal(keptInBrowser(), 1);

  await settle();

  assert.deepEqual(heard.saved, ["a"]);
  assert.equal(outbox.waiting, 0);
  assert.equal(keptInBrowser(), 0);
  assert.equal(sent.length, 1, "it was sent once");
});

test("decisions that are made while others are on their way go together in the next request, in their order", async () => {
  let release;
  answer = (request) => new Promise((resolve) => { release = () => resolve(saveAll(request)); });
  const { outbox, heard } = makeOutbox();
  for (const crop of ["a", "b", "c"]) outbox.add([item(crop)]);
  assert.equal(sent.length, 1);
  release();
  await settle();
  release();
  await settle();

  assert.deepEqual(sent.map(({ decisions }) => decisions.map(({ crop }) => crop)), [["a"], ["b", "c"]]);
  assert.deepEqual(heard.saved, ["a", "b", "c"]);
});

test("what could not be sent is sent again after a growing pause, with the same id and its age", async () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  answer = async () => { throw new TypeError("no network"); };
  const { outbox, heard } = makeOutbox();
  outbox.add([item("a")]);
  await settle();
  assert.deepEqual([outbox.failures, outbox.problem], [1, "The dashboard does not answer."]);

  mock.timers.tick(299);
  assert.equal(sent.length, 1);
  mock.timers.tick(1);
  await settle();
  assert.equal(sent.length, 2);
  answer = saveAll;
  mock.timers.tick(1000);
  await settle();

  assert.equal(sent.length, 3);
  assert.equal(new Set(sent.map(({ decisions }) => decisions[0].id)).size, 1);
  assert.equal(sent[2].decisions[0].age_ms, 1300);
  assert.deepEqual(heard.saved, ["a"]);
  assert.deepEqual([outbox.failures, outbox.problem], [0, ""]);
});

test("no request is begun by a new decision while the server does not answer, but one can be asked for", async () => {
  answer = async () => ({ status: 503, error: "The database is busy." });
  const { outbox } = makeOutbox();
  outbox.add([item("a")]);
  await settle();
  outbox.add([item("b")]);
  await settle();
  assert.equal(sent.length, 1);
  assert.equal(outbox.problem, "The database is busy.");

  answer = saveAll;
  outbox.sendNow();
  await settle();
  assert.equal(outbox.waiting, 0);

  answer = async () => { throw new TypeError("no network"); };
  outbox.add([item("c")]);
  await settle();
  answer = saveAll;
  window.dispatchEvent(new Event("online"));
  await settle();
  assert.equal(outbox.waiting, 0, "the network is back");
});

test("decisions that waited when the page was closed are sent by the next page, oldest first, and only by their project", async () => {
  answer = async () => { throw new TypeError("no network"); };
  const before = makeOutbox().outbox;
  before.add([item("b", { id: "2" }), item("a", { id: "1" })]);
  await settle();
  before.end();

  answer = saveAll;
  assert.equal(makeOutbox("another").outbox.waiting, 0);
  const { outbox } = makeOutbox();
  assert.deepEqual(outbox.items.map(({ crop }) => crop), ["a", "b"]);
  outbox.sendNow();
  await settle();
  assert.equal(keptInBrowser(), 0);
});

test("what another program wrote into the storage is passed over", () => {
  for (const [n, value] of ["{", "null", "7", "[]", '{"id": 1}'].entries()) localStorage.setItem(`anomalure.season.decision.${n}`, value);
  assert.equal(makeOutbox().outbox.waiting, 0);
});

test("a refused decision is dropped with its reason, and the others are saved", async () => {
  answer = ({ decisions: [first, second] }) => ({ saved: [first.id], refused: { [second.id]: "The note is too long." } });
  const { outbox, heard } = makeOutbox();
  outbox.add([item("a"), item("b")]);
  await settle();

  assert.deepEqual(heard.saved, ["a"]);
  assert.deepEqual(heard.refused, [["b", "The note is too long."]]);
  assert.equal(outbox.waiting + keptInBrowser(), 0);
});

test("no status makes the board give a decision up: it is kept until the server names it as saved or refused", async () => {
  for (const [status, more] of [[404, { error: "no such crop" }], [404, {}], [400, {}], [410, { error: "gone" }], [500, {}], [200, {}]]) {
    installBrowser();
    answer = async () => ({ status, ...more });
    const { outbox, heard } = makeOutbox();
    outbox.add([item("a")]);
    await settle();
    assert.deepEqual([outbox.waiting, keptInBrowser(), heard.refused, Boolean(outbox.problem)], [1, 1, [], true], String(status));
    outbox.end();
  }
});

test("after an error of the server each decision goes by itself, and one that cannot be saved keeps no other", async () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  answer = (request) => (request.decisions.some(({ note }) => note === "half") ? { status: 500, error: "It broke." } : saveAll(request));
  const { outbox, heard } = makeOutbox();
  outbox.add([item("a"), item("b", { note: "half" }), item("c"), item("b", { note: "later" })]);
  await settle();
  for (const pause of [300, 300, 1000]) {
    mock.timers.tick(pause);
    for (let n = 0; n < 4; n++) await settle();
  }

  assert.deepEqual(heard.saved, ["a", "c"], "what comes after it for the same crop waits");
  assert.deepEqual([outbox.waiting, outbox.problem], [2, "It broke."]);
  outbox.add([item("d")]);
  mock.timers.tick(5000);
  for (let n = 0; n < 4; n++) await settle();
  assert.deepEqual(heard.saved, ["a", "c", "d"]);

  answer = saveAll;
  outbox.sendNow();
  for (let n = 0; n < 4; n++) await settle();
  assert.deepEqual(heard.saved, ["a", "c", "d", "b", "b"]);
  assert.deepEqual([outbox.waiting, outbox.problem], [0, ""]);
});

test("a decision that only another person may send is held, says why, and goes when that person is back", async () => {
  answer = ({ decisions }) => ({
    saved: decisions.filter(({ pass }) => pass !== "of Ben").map(({ id }) => id), refused: {},
    held: Object.fromEntries(decisions.filter(({ pass }) => pass === "of Ben").map(({ id }) => [id, "Ben must sign in."])),
  });
  const { outbox, heard } = makeOutbox();
  outbox.add([item("b", { reviewer: "Ben", pass: "of Ben" })]);
  outbox.add([item("a")]);
  for (let n = 0; n < 3; n++) await settle();
  assert.deepEqual([heard.saved, outbox.waiting, outbox.problem, keptInBrowser()], [["a"], 1, "Ben must sign in.", 1]);

  outbox.renewPass({ pass: "new", reviewer: "Ben" });
  await settle();
  assert.deepEqual([heard.saved, outbox.waiting, outbox.problem], [["a", "b"], 0, ""]);
});

test("what waits without a name is sent under the name that is given then", async () => {
  answer = async () => ({ status: 503, error: "busy" });
  const { outbox } = makeOutbox();
  outbox.add([item("a", { reviewer: "", pass: "nobody" })]);
  await settle();
  answer = saveAll;
  outbox.renewPass({ pass: "of Ada", reviewer: "Ada" });
  await settle();
  assert.deepEqual(sent.at(-1).decisions.map(({ pass }) => pass), ["of Ada"]);
});

test("what somebody else decided meanwhile comes with the refusal", async () => {
  const told = [];
  answer = ({ decisions: [{ id, seen }] }) => ({ saved: [], refused: { [id]: `Changed; you saw ${seen}.` }, now: { [id]: { verdict: "normal" } } });
  const outbox = new Outbox({ project: "p", onChange: () => {}, onSaved: () => {}, onRefused: (...what) => told.push(what) });
  outbox.add([item("a", { id: "1", seen: "v" })]);
  await settle();
  const [[items, reasons, now]] = told;
  assert.deepEqual([items[0].crop, reasons.get("1"), now[1].verdict], ["a", "Changed; you saw v.", "normal"]);
});

test("each request has decisions of one run, 500 at most", async () => {
  const { outbox } = makeOutbox();
  outbox.add([...Array.from({ length: 501 }, (_, n) => item(`a${n}`)), item("b", { run: "r2" })]);
  for (let n = 0; n < 4; n++) await settle();

  assert.deepEqual(sent.map(({ run, decisions }) => [run, decisions.length]), [["r1", 500], ["r1", 1], ["r2", 1]]);
});

test("a storage that is full is noticed, and the decision is sent all the same", async () => {
  localStorage.isFull = true;
  const { outbox, heard } = makeOutbox();
  outbox.add([item("a")]);
  assert.equal(outbox.kept, false);
  await settle();
  assert.deepEqual(heard.saved, ["a"]);
});

test("a new pass goes to the waiting decisions of the same reviewer only", async () => {
  answer = async () => ({ status: 403, error: "The pass is too old." });
  const { outbox } = makeOutbox();
  outbox.add([item("a"), item("b", { reviewer: "Ben", pass: "q" })]);
  await settle();
  answer = saveAll;
  outbox.renewPass({ pass: "new", reviewer: "Ada" });
  await settle();

  assert.deepEqual(sent.at(-1).decisions.map(({ pass }) => pass), ["new", "q"]);
  assert.equal(outbox.waiting, 0);
});

test("ids differ, and sort by the time they were made", () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: 1_700_000_000_000 });
  const ids = Array.from({ length: 100 }, () => { mock.timers.tick(1); return newId(); });
  assert.equal(new Set(ids).size, 100);
  assert.deepEqual([...ids].sort(), ids);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test("a text loses the signs that nobody sees, and keeps the joiners, blanks and lines", () => {
  const kept = [["\u202edeer\u202c", "deer"], ["\u2066fox\u2069\u200b", "fox"], ["a\x00b\x1b", "ab"], ["two\n\tlines", "two\n\tlines"],
    ["\u3164", ""], ["\u0645\u06cc\u200c\u0634", "\u0645\u06cc\u200c\u0634"], ["\u{1f43b}\u200d\u2744\ufe0f", "\u{1f43b}\u200d\u2744\ufe0f"], [undefined, undefined]];
  assert.deepEqual(kept.map(([typed]) => whole(typed)), kept.map(([, one]) => one));
});
