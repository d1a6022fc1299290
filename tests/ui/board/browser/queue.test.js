// The queue: its rows, where the reviewer is in it, what is selected, and the addresses that it is asked for under.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { ask, cropPicture, photoPicture, runPath } from "../../../../ui/board/browser/addresses.js";
import { PAGE_SIZES, keepChoices, readChoices } from "../../../../ui/board/browser/state/choices.js";
import { Cursor } from "../../../../ui/board/browser/state/cursor.js";
import { Marks } from "../../../../ui/board/browser/state/marks.js";
import { Rows } from "../../../../ui/board/browser/state/rows.js";
import { installBrowser, makeRow } from "./fakes.js";

let asked;
let decided; // ranks that the server calls decided
let broken;

beforeEach(() => {
  installBrowser();
  asked = [];
  decided = new Set();
  broken = false;
  globalThis.fetch = async (path) => {
    asked.push(path);
    if (broken) return { ok: false, status: 503, json: async () => ({ error: "The database is busy." }) };
    const address = new URL(path, "http://host");
    const event = { photos: [], more: 0 };
    const from = Number(address.searchParams.get("from"));
    const rows = Array.from({ length: Number(address.searchParams.get("n")) }, (_, n) => makeRank(from + n));
    return { ok: true, status: 200, json: async () => ({ rows, event }) };
  };
});

const makeRank = (rank) => makeRow(`crop-${rank}`, { verdict: decided.has(rank) ? "normal" : "" });

function makeQueue({ total = 1000, fetched = 60, choices = {} } = {}) {
  const rows = new Rows({ run: "r 1", query: { species: "fox" }, total, rows: Array.from({ length: Math.min(total, fetched) }, (_, n) => makeRank(n)) });
  const cursor = new Cursor({ rows, choices: { ...readChoices(), ...choices } });
  return { rows, cursor };
}

test("rows are fetched once, in chunks, with the filters of the queue", async () => {
  const { rows } = makeQueue();
  await Promise.all([rows.fetch(50, 250), rows.fetch(60, 130)]);
  await rows.fetch(0, 300);

  assert.deepEqual(asked, [0, 120, 240].map((from) => `/api/runs/r%201/queue?species=fox&from=${from}&n=120`));
  assert.ok(rows.has(0, 300));
  assert.equal(rows.at(299).crop, "crop-299");
});

test("a row that was fetched stays the same one, so that a decision on it is not lost", async () => {
  const { rows } = makeQueue();
  rows.at(3).verdict = "anomaly";
  await rows.fetch(0, 240);
  rows.put(200, makeRow("crop-3"));

  assert.equal(rows.at(3).verdict, "anomaly");
  assert.equal(rows.at(200), rows.at(3));
  assert.equal(rows.meet(makeRow("crop-3")), rows.at(3));
  assert.equal(rows.ranks.get("crop-3"), 3, "its first rank");
  assert.equal(rows.ranks.get(rows.meet(makeRow("beside")).crop), undefined, "only of the same event");
});

test("a chunk that could not be fetched is asked for again", async () => {
  const { rows } = makeQueue();
  broken = true;
  await assert.rejects(rows.fetch(120, 130), /The database is busy/);
  broken = false;
  await rows.fetch(120, 130);
  assert.ok(rows.has(120, 130));
});

test("an event is asked for once, and again after a failure", async () => {
  const { rows } = makeQueue();
  broken = true;
  await assert.rejects(rows.eventOf({ crop: "c" }));
  broken = false;
  await Promise.all([rows.eventOf({ crop: "c" }), rows.eventOf({ crop: "c" })]);
  assert.deepEqual(asked, ["/api/runs/r%201/crops/c", "/api/runs/r%201/crops/c"]);
});

test("a page is what is on the screen, and the last page may be short", () => {
  const { cursor } = makeQueue({ total: 50, choices: { pageSize: 24 } });
  cursor.rank = 49;
  assert.deepEqual([cursor.pageStart, cursor.shown, cursor.pageRows().length], [48, [48, 50], 2]);
  cursor.choices.single = true;
  assert.deepEqual(cursor.shown, [49, 50]);
  assert.deepEqual([cursor.after(5), cursor.after(-99), cursor.clamp(7)], [49, 0, 7]);
});

test("the next undecided crop is found after this one, then from the beginning, as in a plain search", async () => {
  for (let seed = 1; seed < 40; seed++) {
    decided = new Set(Array.from({ length: 300 }, (_, n) => n).filter((n) => (n * seed * 7919) % 11 < 10));
    if (seed % 5 === 0) decided = new Set(Array.from({ length: 300 }, (_, n) => n));
    const { cursor } = makeQueue({ total: 300 });
    cursor.rank = (seed * 37) % 300;
    const order = Array.from({ length: 299 }, (_, n) => (cursor.rank + 1 + n) % 300);
    assert.equal(await cursor.findNextUndecided(), order.find((n) => !decided.has(n)) ?? -1, `seed ${seed}`);
  }
});

test("where the next crops cannot be fetched, the search goes on from the beginning", async () => {
  decided = new Set([5, 6, 7]);
  const { cursor } = makeQueue({ total: 300, fetched: 8 });
  cursor.rank = 5;
  broken = true;
  assert.equal(await cursor.findNextUndecided(), 0);
});

test("a range is selected from where it began, both ways, and what was selected stays", () => {
  const { rows } = makeQueue();
  let changes = 0;
  const marks = new Marks({ rows, onChange: () => { changes++; } });
  const ranks = () => [...marks.crops].map((crop) => rows.ranks.get(crop)).sort((a, b) => a - b);
  marks.toggle("crop-9");
  marks.extend(3, 4);
  marks.extend(4, 1);
  assert.deepEqual(ranks(), [1, 2, 3, 4, 9]);
  marks.endRange();
  marks.extend(20, 21);
  marks.toggle("crop-9");
  assert.deepEqual(ranks(), [1, 2, 3, 4, 20, 21]);
  marks.extend(59, 70);
  assert.equal(marks.has("crop-59"), true, "those that are not fetched are passed over");
  marks.clear();
  assert.equal(marks.size, 0);
  assert.equal(changes, 7);
});

test("selecting the whole page takes the undecided crops, and all of them where all are decided", () => {
  decided = new Set([0, 2]);
  const { rows } = makeQueue({ total: 4 });
  const marks = new Marks({ rows, onChange: () => {} });
  const page = [0, 1, 2, 3].map((n) => rows.at(n));
  marks.toggleAll(page);
  assert.deepEqual([...marks.crops], ["crop-1", "crop-3"]);
  marks.toggleAll(page);
  assert.equal(marks.size, 0);
  for (const row of page) row.verdict = "normal";
  marks.toggleAll(page);
  assert.equal(marks.size, 4);
});

test("choices are kept for the next visit, and what is broken or unknown falls back to the default", () => {
  assert.deepEqual(readChoices(), { single: false, cardPx: 200, pageSize: 24, advance: true, photo: true });
  keepChoices({ ...readChoices(), single: true, pageSize: PAGE_SIZES[3] });
  assert.deepEqual([readChoices().single, readChoices().pageSize, readChoices().advance], [true, 96, true]);
  for (const kept of ["{", "null", "[]", '{"pageSize": 7}', '"x"']) {
    localStorage.setItem("anomalure.board", kept);
    assert.equal(readChoices().pageSize, 24, kept);
  }
  localStorage.isFull = true;
  assert.equal(keepChoices(readChoices()), false);
});

test("names in addresses are escaped, so that they can be neither a path nor a query", () => {
  const run = "../a?b&c=1#d/é";
  const escaped = "..%2Fa%3Fb%26c%3D1%23d%2F%C3%A9";
  assert.equal(runPath(run, "queue"), `/api/runs/${escaped}/queue`);
  assert.equal(photoPicture(run, "p1", 320), `/photos/${escaped}/p1?width=320`);
  assert.equal(new URL(cropPicture(run, "c1"), "http://host").searchParams.get("run"), run);
  assert.equal(photoPicture("r", "p1"), "/photos/r/p1?width=1600");
});

test("an error of the server is said in its own words, or by its number", async () => {
  broken = true;
  await assert.rejects(ask("/x"), { message: "The database is busy." });
  globalThis.fetch = async () => ({ ok: false, status: 502, json: async () => { throw new SyntaxError("no JSON"); } });
  await assert.rejects(ask("/x"), { message: "The dashboard answered with 502." });
});
