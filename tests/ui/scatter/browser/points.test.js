import assert from "node:assert/strict";
import { test } from "node:test";

import { PointIndex, fitRange, isInside, simplify, thin } from "../../../../ui/scatter/browser/points.js";

function* randoms(seed = 3) {
  for (;;) yield (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function makePoints(n, seed) {
  const random = randoms(seed);
  return Float32Array.from({ length: 2 * n }, (_, k) => random.next().value * (k % 2 ? 4 : 20) - 3);
}

test("the nearest point is the one that looking at all of them finds", () => {
  const xy = makePoints(2000, 5);
  const index = new PointIndex(xy);
  const random = randoms(9);
  const may = (i) => i % 3 > 0;
  for (let turn = 0; turn < 500; turn++) {
    const [x, y, radius] = [random.next().value * 24 - 5, random.next().value * 8 - 5, random.next().value];
    let best = -1, least = radius * radius;
    for (let i = 0; i < 2000; i++) {
      const d = (xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2;
      if (may(i) && d <= least) { least = d; best = i; }
    }
    assert.equal(index.nearest(x, y, radius, may), best);
  }
});

test("no points, one point, and points in one place are no trouble", () => {
  assert.equal(new PointIndex(new Float32Array(0)).nearest(0, 0, 1, () => true), -1);
  assert.deepEqual(new PointIndex(new Float32Array(0)).bounds, [0, 1, 0, 1]);
  assert.equal(new PointIndex(Float32Array.of(2, 3)).nearest(2, 3.5, 1, () => true), 0);
  const same = new PointIndex(new Float32Array(20).fill(7));
  assert.ok(same.nearest(7, 7, 0, () => true) >= 0);
  assert.equal(same.nearest(7, 7, 0, () => false), -1);
});

test("the bounds leave a little room around all points", () => {
  const [x0, x1, y0, y1] = new PointIndex(Float32Array.of(0, 0, 100, 10)).bounds;
  assert.deepEqual([x0, x1, y0, y1], [-4, 104, -4, 14]);
});

test("points are painted in a shuffled order that has each once and is the same every time", () => {
  const order = new PointIndex(makePoints(1000, 2)).order;
  assert.deepEqual([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assert.deepEqual(order, new PointIndex(makePoints(1000, 8)).order);
  const first = order.slice(0, 500).reduce((sum, i) => sum + i, 0) / 500;
  assert.ok(Math.abs(first - 499.5) < 50, "no half of them comes first");
});

// The slow way: how often the outline goes round the point.
function windsRound(x, y, outline) {
  let angle = 0;
  outline.forEach(([ax, ay], k) => {
    const [bx, by] = outline[(k + 1) % outline.length];
    angle += Math.atan2((ax - x) * (by - y) - (ay - y) * (bx - x), (ax - x) * (bx - x) + (ay - y) * (by - y));
  });
  return Math.round(angle / (2 * Math.PI));
}

test("a point is inside an outline when the outline goes round it an odd number of times", () => {
  const random = randoms(11);
  for (let shape = 0; shape < 20; shape++) {
    const outline = Array.from({ length: 3 + (shape % 9) }, () => [random.next().value * 10, random.next().value * 10]);
    for (let turn = 0; turn < 100; turn++) {
      const [x, y] = [random.next().value * 12 - 1, random.next().value * 12 - 1];
      assert.equal(isInside(x, y, outline), Math.abs(windsRound(x, y, outline)) % 2 === 1);
    }
  }
});

test("a lasso keeps its few most telling corners, and selects almost the same points", () => {
  const circle = Array.from({ length: 2000 }, (_, k) => [50 + 40 * Math.cos((k * Math.PI) / 1000), 50 + 40 * Math.sin((k * Math.PI) / 1000)]);
  const few = simplify(circle, 48, 100);
  assert.ok(few.length <= 48 && few.length > 10);
  for (const corner of few) assert.ok(circle.includes(corner), "no corner is made up");
  let other = 0;
  for (let x = 0; x < 100; x++) for (let y = 0; y < 100; y++) if (isInside(x, y, circle) !== isInside(x, y, few)) other++;
  assert.ok(other < 100, `${other} of 10,000`);
  const square = [[0, 0], [1, 0], [1, 1], [0, 1]];
  assert.equal(simplify(square, 48, 1), square, "few corners stay as they are");
});

test("a corner is left out only when it lies within the slack of the line that stays", () => {
  const line = [[0, 0], [1, 0.05], [2, 0], [3, 2], [4, 0]];
  assert.deepEqual(thin(line, 0.1), [[0, 0], [2, 0], [3, 2], [4, 0]]);
  assert.deepEqual(thin(line, 0.01), line);
  assert.deepEqual(thin(line, 9), [[0, 0], [4, 0]]);
  assert.deepEqual(thin([[0, 0], [5, 5], [0, 0]], 1), [[0, 0], [5, 5], [0, 0]], "a line that comes back to where it began");
});

test("all of what is wanted is seen at every size of the window, with one scale, and a size that comes back shows the same again", () => {
  const wanted = [-10, 30, 2, 12];
  const sizes = [[900, 600], [300, 700], [1600, 200], [40, 10], [900, 600]];
  const shown = sizes.map(([width, height]) => fitRange(wanted, width, height));
  shown.forEach(([x0, x1, y0, y1], k) => {
    const [width, height] = sizes[k];
    assert.ok(x0 <= -10 + 1e-9 && x1 >= 30 - 1e-9 && y0 <= 2 + 1e-9 && y1 >= 12 - 1e-9, `${sizes[k]}`);
    assert.ok(Math.abs((x1 - x0) / width - (y1 - y0) / height) < 1e-9, "one scale");
    assert.ok(Math.abs(x0 + x1 - 20) < 1e-9 && Math.abs(y0 + y1 - 14) < 1e-9, "in the middle");
    assert.ok(Math.abs(x1 - x0 - 40) < 1e-9 || Math.abs(y1 - y0 - 10) < 1e-9, "as large as it can be");
  });
  assert.deepEqual(shown.at(-1), shown[0]);
});
