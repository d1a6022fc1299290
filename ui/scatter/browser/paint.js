// Paints very many points into a canvas, pixel by pixel.
//
// It does not use WebGL: field computers often have no graphics card, and 100,000 markers then take WebGL a fifth of a
// second a frame. Small stamps that are blended here take a tenth of that, and a page may have any number of plots.

const SHAPES = {
  circle: { grow: 1.0, has: (x, y) => x * x + y * y <= 1 },
  diamond: { grow: 1.2, has: (x, y) => Math.abs(x) + Math.abs(y) <= 1 },
  square: { grow: 0.9, has: (x, y) => Math.abs(x) <= 0.95 && Math.abs(y) <= 0.95 },
  triangle: { grow: 1.2, has: (x, y) => y <= 0.72 && y >= 2 * Math.abs(x) - 1 },
  cross: { grow: 1.15, has: (x, y) => Math.min(Math.abs(x), Math.abs(y)) <= 0.32 && Math.max(Math.abs(x), Math.abs(y)) <= 1 },
  x: { grow: 1.15, has: (x, y) => Math.min(Math.abs(x + y), Math.abs(x - y)) <= 0.46 && Math.max(Math.abs(x), Math.abs(y)) <= 0.9 },
  down: { grow: 1.2, has: (x, y) => y >= -0.72 && y <= 1 - 2 * Math.abs(x) },
  ring: { grow: 1.0, has: (x, y) => { const r = x * x + y * y; return r <= 1 && r >= 0.42; } },
};
const FINE = 5; // each pixel of a stamp is measured at FINE x FINE places

// A stamp: where its pixels are, relative to the point, and how much of each pixel it covers, 0 to 256.
// extent: no pixel is farther away than this, along x or y.
export function cutStamp(shape, radius) {
  const { grow, has } = SHAPES[shape] || SHAPES.circle;
  const r = radius * grow, extent = Math.ceil(r + 0.5), dx = [], dy = [], cover = [];
  for (let y = -extent; y <= extent; y++) {
    for (let x = -extent; x <= extent; x++) {
      let hits = 0;
      for (let j = 0; j < FINE; j++)
        for (let i = 0; i < FINE; i++)
          if (has((x + (i + 0.5) / FINE - 0.5) / r, (y + (j + 0.5) / FINE - 0.5) / r)) hits++;
      if (hits) { dx.push(x); dy.push(y); cover.push(Math.round((256 * hits) / (FINE * FINE))); }
    }
  }
  return { extent, dx, dy, cover: Uint16Array.from(cover) };
}

// [red, green, blue], 0 to 255, of #rrggbb or rgb(...); grey for anything else.
export function readColour(text) {
  const hex = /^#([0-9a-f]{6})$/i.exec(text.trim());
  if (hex) { const v = parseInt(hex[1], 16); return [v >> 16, (v >> 8) & 255, v & 255]; }
  const parts = text.match(/[\d.]+/g);
  return parts && parts.length >= 3 ? parts.slice(0, 3).map(Number) : [128, 128, 128];
}

// A small picture of a mark, drawn as the painter draws it.
export function drawMark(canvas, shape, colour) {
  const scale = 2, stamp = cutStamp(shape, 4.6 * scale), context = canvas.getContext("2d");
  canvas.width = canvas.height = 14 * scale;
  const image = context.createImageData(canvas.width, canvas.height), [r, g, b] = readColour(colour);
  stamp.cover.forEach((cover, k) => {
    const q = ((stamp.dy[k] + 14) * canvas.width + stamp.dx[k] + 14) * 4;
    image.data.set([r, g, b, Math.min(cover, 255)], q);
  });
  context.putImageData(image, 0, 0);
}

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.stamps = new Map();
  }

  resize(width, height, scale) {
    const w = Math.max(Math.round(width * scale), 1), h = Math.max(Math.round(height * scale), 1);
    if (w === this.width && h === this.height && scale === this.scale) return;
    this.width = this.canvas.width = w;
    this.height = this.canvas.height = h;
    this.scale = scale;
    this.image = this.context.createImageData(w, h);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.stamps.clear();
  }

  stamp(shape, radius) {
    const name = `${shape}-${radius}`;
    let stamp = this.stamps.get(name);
    if (!stamp) {
      stamp = cutStamp(shape, radius * this.scale);
      stamp.offsets = Int32Array.from(stamp.dx, (dx, k) => dx + stamp.dy[k] * this.width);
      this.stamps.set(name, stamp);
    }
    return stamp;
  }

  // ground: a CSS colour. xy: x and y of each point in turn. range: x0, x1, y0, y1 in the units of the points.
  // layers: [{ rows, style }] from back to front, with rows as Int32Array; style(row) is null for a point that is not
  // drawn, else { stamp, rgb, alpha } with alpha from 0 to 256.
  paint(ground, xy, range, layers) {
    const [r, g, b] = readColour(ground);
    this.pixels.fill((255 << 24) | (b << 16) | (g << 8) | r);
    const [x0, x1, y0, y1] = range, { width, height } = this;
    const sx = width / (x1 - x0), sy = height / (y1 - y0);
    for (const { rows, style } of layers) {
      for (let k = 0; k < rows.length; k++) {
        const i = rows[k];
        const px = Math.round((xy[2 * i] - x0) * sx), py = Math.round((y1 - xy[2 * i + 1]) * sy);
        if (!(px > -20 && py > -20 && px < width + 20 && py < height + 20)) continue;
        const how = style(i);
        if (how) this.dab(how.stamp, px, py, how.rgb, how.alpha);
      }
    }
    this.context.putImageData(this.image, 0, 0);
    this.canvas.hidden = false; // before the first painting its colour could be wrong
  }

  // Blend one stamp into the pixels: alpha / 256 of its colour where it covers a pixel wholly.
  dab(stamp, px, py, rgb, alpha) {
    const { width, height, pixels } = this, { extent, offsets, cover, dx, dy } = stamp;
    const inside = px >= extent && py >= extent && px < width - extent && py < height - extent;
    const at = py * width + px, r = rgb[0], g = rgb[1], b = rgb[2];
    for (let k = 0; k < offsets.length; k++) {
      if (!inside && (px + dx[k] < 0 || px + dx[k] >= width || py + dy[k] < 0 || py + dy[k] >= height)) continue;
      const a = (cover[k] * alpha) >> 8, q = at + offsets[k], d = pixels[q], c = 256 - a;
      pixels[q] = -16777216 | ((((d >> 16) & 255) * c + b * a) >> 8 << 16)
        | ((((d >> 8) & 255) * c + g * a) >> 8 << 8) | (((d & 255) * c + r * a) >> 8);
    }
  }
}
