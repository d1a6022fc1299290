import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Strip } from "../../../../ui/board/browser/view/strip.js";
import { installBrowser } from "./fakes.js";

let takenBack;

function makeStrip() {
  takenBack = [];
  return new Strip({ run: "r1", takeBack: (crop) => takenBack.push(crop) });
}

const crops = (strip) => strip.list.children.map(({ dataset }) => dataset.crop);
const decide = (strip, crop, more = {}) => strip.add({ crop, verdict: "normal", species: "", note: "", saving: "waiting", ...more });

beforeEach(installBrowser);

test("the newest decision comes first, each crop once, and forty at most", () => {
  const strip = makeStrip();
  assert.equal(strip.element.hidden, true);
  for (const crop of ["a", "b", "a"]) decide(strip, crop);
  assert.deepEqual(crops(strip), ["a", "b"]);
  assert.equal(strip.element.hidden, false);

  for (let n = 0; n < 60; n++) decide(strip, `c${n}`);
  assert.deepEqual(crops(strip), Array.from({ length: 40 }, (_, n) => `c${59 - n}`));
  assert.equal(strip.items.size, 40, "what is no longer shown is not kept");
});

test("a decision shows its verdict or species, and whether it is saved", () => {
  const strip = makeStrip();
  decide(strip, "a", { verdict: "anomaly", species: "wolf", note: "limps" });
  const item = strip.items.get("a");
  assert.equal(item.className, "anomaly waiting");
  assert.equal(item.title, "Anomaly · wolf · limps");
  assert.equal(item.querySelector(".word").children[1].textContent, "wolf");

  strip.markSaved("a");
  strip.markSaved("of another page");
  assert.equal(item.className, "anomaly saved");
  assert.equal(item.querySelector(".icon").textContent, "check");
});

test("the button of a decision takes it back, and the empty strip goes", () => {
  const strip = makeStrip();
  decide(strip, "a");
  strip.items.get("a").querySelector(".back").dispatchEvent(new Event("click"));
  assert.deepEqual(takenBack, ["a"]);
  strip.remove("a");
  strip.remove("a");
  assert.equal(strip.element.hidden, true);
});
