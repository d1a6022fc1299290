import assert from "node:assert/strict";
import { test } from "node:test";

import { Painter, cutStamp, drawMark, readColour } from "../../../../ui/scatter/browser/paint.js";

const SHAPES = ["circle", "diamond", "square", "triangle", "cross", "x", "down", "ring"];

// A canvas that keeps its pixels.
class FakeCanvas {
  hidden = true;

  getContext() {
    return {
      createImageData: (width, height) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) }),
      putImageData: (image) => { this.painted = image; },
    };
  }

  at(x, y) {
    const { data, width } = this.painted;
    return [...data.slice(4 * (y * width + x), 4 * (y * width + x) + 4)];
  }
}

function makePainter(width = 40, height = 30, scale = 1) {
  const canvas = new FakeCanvas();
  const painter = new Painter(canvas);
  painter.resize(width, height, scale);
  return { canvas, painter };
}

const randoms = (n, seed = 7) => Array.from({ length: n }, () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32);

test("a circle covers the pixels that a finely measured circle covers", () => {
  const radius = 4.3;
  const { dx, dy, cover, extent } = cutStamp("circle", radius);
  const found = new Map(dx.map((x, k) => [`${x} ${dy[k]}`, cover[k]]));
  for (let y = -7; y <= 7; y++) {
    for (let x = -7; x <= 7; x++) {
      let hits = 0;
      for (let j = 0; j < 40; j++) for (let i = 0; i < 40; i++) if (Math.hypot(x - 0.5 + (i + 0.5) / 40, y - 0.5 + (j + 0.5) / 40) <= radius) hits++;
      assert.ok(Math.abs((found.get(`${x} ${y}`) ?? 0) / 256 - hits / 1600) < 0.1, `pixel ${x} ${y}`);
    }
  }
  assert.ok(Math.max(...dx.map(Math.abs), ...dy.map(Math.abs)) <= extent);
});

test("every shape has a picture of its own, and an unknown one is a circle", () => {
  const pictures = SHAPES.map((shape) => { const { dx, dy, cover } = cutStamp(shape, 5); return JSON.stringify([dx, dy, [...cover]]); });
  assert.equal(new Set(pictures).size, SHAPES.length);
  assert.deepEqual(cutStamp("star", 5), cutStamp("circle", 5));
  for (const shape of SHAPES) assert.ok(cutStamp(shape, 0.2).extent >= 1, `${shape}, very small`);
  const ring = cutStamp("ring", 6);
  assert.ok(!ring.dx.some((x, k) => x === 0 && ring.dy[k] === 0), "a ring is open in the middle");
});

test("colours are read from the forms that a browser gives, and anything else is grey", () => {
  const table = [["#C85200", [200, 82, 0]], [" #ffffff ", [255, 255, 255]], ["rgb(1, 2, 3)", [1, 2, 3]], ["rgba(1, 2, 3, 0.5)", [1, 2, 3]],
    ["", [128, 128, 128]], ["red", [128, 128, 128]], ["#fff", [128, 128, 128]]];
  for (const [text, rgb] of table) assert.deepEqual(readColour(text), rgb, text);
});

test("points are blended over each other as in plain arithmetic, at the edges too", () => {
  const { canvas, painter } = makePainter();
  const n = 60, range = [0, 10, 0, 10], ground = [250, 240, 230];
  const values = randoms(2 * n).map((value) => value * 11 - 0.5);
  const xy = Float32Array.from(values);
  const rows = Int32Array.from({ length: n }, (_, i) => i);
  const shapes = SHAPES.map((shape) => painter.stamp(shape, 3));
  const style = (i) => (i % 7 === 0 ? null : { stamp: shapes[i % 8], rgb: [i * 4, 255 - i, (i * 37) % 256], alpha: (i * 29) % 257 });
  painter.paint("rgb(250, 240, 230)", xy, range, [{ rows, style }]);

  const slow = new Map();
  for (let i = 0; i < n; i++) {
    const how = style(i);
    if (!how) continue;
    const px = Math.round((xy[2 * i] / 10) * 40), py = Math.round(((10 - xy[2 * i + 1]) / 10) * 30);
    how.stamp.dx.forEach((dx, k) => {
      const name = `${px + dx} ${py + how.stamp.dy[k]}`;
      const share = (how.stamp.cover[k] / 256) * (how.alpha / 256);
      slow.set(name, (slow.get(name) ?? ground).map((value, c) => value * (1 - share) + how.rgb[c] * share));
    });
  }
  let most = 0;
  for (let y = 0; y < 30; y++) {
    for (let x = 0; x < 40; x++) {
      const [r, g, b, alpha] = canvas.at(x, y);
      assert.equal(alpha, 255);
      const wanted = slow.get(`${x} ${y}`) ?? ground;
      [r, g, b].forEach((value, c) => { most = Math.max(most, Math.abs(value - wanted[c])); });
    }
  }
  assert.ok(most <= 8, `${most} of 255, by rounding`);
  assert.equal(canvas.hidden, false);
});

test("a later layer lies over an earlier one, and points far outside are passed over", () => {
  const { canvas, painter } = makePainter();
  const stamp = painter.stamp("square", 3);
  const layer = (row, rgb) => ({ rows: Int32Array.of(row), style: () => ({ stamp, rgb, alpha: 256 }) });
  const xy = Float32Array.of(5, 5, 5, 5, 1e9, 1e9, NaN, NaN);
  painter.paint("#ffffff", xy, [0, 10, 0, 10], [layer(0, [255, 0, 0]), layer(1, [0, 0, 255]), layer(2, [0, 255, 0]), layer(3, [0, 255, 0])]);

  assert.deepEqual(canvas.at(20, 15), [0, 0, 255, 255]);
  assert.deepEqual(canvas.at(0, 0), [255, 255, 255, 255]);
});

test("a sharp screen gets more pixels, and stamps of its own", () => {
  const { canvas, painter } = makePainter(40, 30, 2);
  assert.deepEqual([canvas.width, canvas.height], [80, 60]);
  const large = painter.stamp("circle", 3);
  assert.equal(painter.stamp("circle", 3), large, "cut once");
  painter.resize(40, 30, 1);
  assert.ok(painter.stamp("circle", 3).dx.length < large.dx.length / 3);
});

test("the mark of a species has its colour in the middle and nothing at the corner", () => {
  const canvas = new FakeCanvas();
  drawMark(canvas, "diamond", "#0072B2");
  assert.deepEqual(canvas.at(14, 14), [0, 0x72, 0xb2, 255]);
  assert.deepEqual(canvas.at(0, 0), [0, 0, 0, 0]);
});
