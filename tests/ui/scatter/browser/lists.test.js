// Beside the plot: the radius, the species that are drawn, and the arrays that come from the server.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Arrays } from "../../../../ui/scatter/browser/arrays.js";
import { listKeys } from "../../../../ui/scatter/browser/legend.js";
import { Looks } from "../../../../ui/scatter/browser/looks.js";
import { layOut } from "../../../../ui/scatter/browser/picture.js";
import { epsToStep, sayClusters, stepToEps, tidy } from "../../../../ui/scatter/browser/radius.js";

const GROUPS = ["fox", "hare", "owl"].map((name) => ({ name }));

function makeLooks(looks = { off: [], fade: {} }) {
  const made = new Looks();
  made.set(GROUPS, looks);
  return made;
}

test("the slider goes from the least to the largest radius by equal factors, and back", () => {
  assert.equal(stepToEps(0, 0.02, 50), 0.02);
  assert.ok(Math.abs(stepToEps(1000, 0.02, 50) - 50) < 1e-9);
  assert.ok(Math.abs(stepToEps(500, 0.02, 50) - 1) < 1e-9, "the geometric mean is in the middle");
  for (let step = 0; step <= 1000; step += 10) assert.equal(epsToStep(stepToEps(step, 0.02, 50), 0.02, 50), step);
});

test("a radius has three digits, as the address has", () => {
  assert.deepEqual([0.0123456, 1.23456, 1234.56, 2].map(tidy), [0.0123, 1.23, 1230, 2]);
});

test("clusters and noise are counted in words", () => {
  assert.equal(sayClusters(1, 0, 10), "1 cluster · 0 noise (0.0%)");
  assert.equal(sayClusters(1200, 1, 3), "1,200 clusters · 1 noise (33.3%)");
  assert.equal(sayClusters(0, 0, 0), "0 clusters · 0 noise (0.0%)");
});

test("what is hidden and faded is told to the page and comes back from it", () => {
  const looks = makeLooks({ off: ["hare", "of another run"], fade: { owl: 0.25 } });
  assert.deepEqual(looks.strengths, [1, 0, 0.25]);
  assert.deepEqual(looks.chosen, { off: ["hare"], fade: { owl: 0.25 } });
  assert.deepEqual(makeLooks(looks.chosen).strengths, looks.strengths);
});

test("a species is hidden and shown, and one that was faded to nothing is shown in full", () => {
  const looks = makeLooks();
  looks.toggle(1);
  assert.deepEqual(looks.strengths, [1, 0, 1]);
  looks.toggle(1);
  looks.fade(0, 0);
  looks.toggle(0);
  assert.deepEqual(looks.strengths, [1, 1, 1]);
  looks.fade(0, 0);
  looks.toggle(2);
  looks.toggle(2);
  looks.toggle(0);
  assert.deepEqual(looks.strengths, [1, 1, 1]);
  looks.toggle(1);
  looks.fade(1, 0.4);
  assert.deepEqual(looks.strengths, [1, 0.4, 1], "moving the slider of a hidden species shows it");
});

test("a species is shown alone, and once more brings all back", () => {
  const looks = makeLooks({ off: [], fade: { hare: 0 } });
  looks.solo(1);
  assert.deepEqual(looks.strengths, [0, 1, 0]);
  looks.solo(2);
  assert.deepEqual(looks.strengths, [0, 0, 1]);
  looks.solo(2);
  assert.deepEqual(looks.strengths, [1, 1, 1]);
});

test("all, none and the other way round", () => {
  const looks = makeLooks({ off: ["fox"], fade: { owl: 0.5 } });
  looks.turn("invert");
  assert.deepEqual(looks.chosen, { off: ["hare", "owl"], fade: { owl: 0.5 } });
  looks.turn("none");
  assert.deepEqual(looks.strengths, [0, 0, 0]);
  looks.turn("all");
  assert.deepEqual(looks.chosen, { off: [], fade: {} });
});

test("an array is fetched once, again after a failure, and the oldest of many is forgotten", async () => {
  const asked = [];
  let gone = false;
  globalThis.fetch = async (address) => {
    asked.push(address);
    return { ok: !gone, arrayBuffer: async () => Uint16Array.of(1, 2, 300).buffer };
  };
  const arrays = new Arrays();
  assert.equal(arrays.get(null, Uint16Array), null);
  assert.deepEqual([...(await arrays.get("/a", Uint16Array))], [1, 2, 300]);
  await arrays.get("/a", Uint16Array);
  assert.deepEqual(asked, ["/a"]);

  gone = true;
  await assert.rejects(arrays.get("/b", Uint16Array), (error) => error.lost && /Reload the page/.test(error.message));
  gone = false;
  await arrays.get("/b", Uint16Array);
  assert.deepEqual(asked, ["/a", "/b", "/b"]);

  for (let n = 0; n < 40; n++) await arrays.get(`/${n}`, Uint16Array);
  await arrays.get("/39", Uint16Array);
  await arrays.get("/a", Uint16Array);
  assert.deepEqual(asked.filter((address) => ["/39", "/a"].includes(address)), ["/a", "/39", "/a"]);
});

test("the legend keeps the order of the groups, leaves out those without points, and counts clusters from 1", () => {
  const groups = [["fox", 3], ["hare", 0], ["owl", 9]].map(([label, n]) => ({ label, n }));
  const labels = (keys) => keys.map(({ label }) => label);
  assert.deepEqual(labels(listKeys({ colour: { by: "verdict" }, groups, nClusters: 0 })), ["fox", "owl"]);
  assert.deepEqual(labels(listKeys({ colour: { by: "cluster" }, groups, nClusters: 1 })), ["noise", "1"]);
  assert.deepEqual(labels(listKeys({ colour: { by: "cluster" }, groups, nClusters: 90 })), ["noise", "1", "2"]);
});

test("the picture of a map has room for the legend beside it, never over it", () => {
  for (const rows of [0, 1, 40]) {
    const { width, height, map, legend } = layOut({ width: 600, height: 400, widest: 90, rows });
    assert.ok(legend[0] >= map[0] + 600);
    assert.ok(width >= (rows ? legend[0] + 90 : map[0] + 600) && height >= map[1] + 400 && height >= rows * 20);
  }
});
