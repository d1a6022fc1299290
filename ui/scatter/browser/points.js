// Finds points: the nearest one to the mouse, and those inside an outline.

const CELLS = 200;

// The points sorted into cells, so that the nearest one is found without looking at all of them.
export class PointIndex {
  constructor(xy) {
    this.xy = xy;
    const n = (this.n = xy.length / 2);
    let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
    for (let i = 0; i < n; i++) {
      const x = xy[2 * i], y = xy[2 * i + 1];
      if (x < x0) x0 = x; if (x > x1) x1 = x; if (y < y0) y0 = y; if (y > y1) y1 = y;
    }
    const room = Math.max(x1 - x0, y1 - y0, 1e-9) * 0.04;
    this.bounds = n ? [x0 - room, x1 + room, y0 - room, y1 + room] : [0, 1, 0, 1];
    this.start = new Int32Array(CELLS * CELLS + 1);
    this.rows = new Int32Array(n);
    const cells = new Int32Array(n);
    for (let i = 0; i < n; i++) { cells[i] = this.cell(xy[2 * i], xy[2 * i + 1]); this.start[cells[i] + 1]++; }
    for (let c = 0; c < CELLS * CELLS; c++) this.start[c + 1] += this.start[c];
    const next = this.start.slice();
    for (let i = 0; i < n; i++) this.rows[next[cells[i]]++] = i;
    // A fixed shuffle, so that no species lies on top of the others only because it comes last.
    this.order = Int32Array.from({ length: n }, (_, i) => i);
    let seed = 20261125;
    for (let i = n - 1; i > 0; i--) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      const j = seed % (i + 1), kept = this.order[i];
      this.order[i] = this.order[j]; this.order[j] = kept;
    }
  }

  // Column and line of the cell of a coordinate; outside of the bounds, of the nearest cell.
  column(x) { const [x0, x1] = this.bounds; return Math.min(Math.max(Math.floor(((x - x0) / (x1 - x0)) * CELLS), 0), CELLS - 1); }
  line(y) { const y0 = this.bounds[2], y1 = this.bounds[3]; return Math.min(Math.max(Math.floor(((y - y0) / (y1 - y0)) * CELLS), 0), CELLS - 1); }
  cell(x, y) { return this.line(y) * CELLS + this.column(x); }

  // The row of the nearest point within a radius (in the units of the points) for which may(row) is true; -1 if none.
  nearest(x, y, radius, may) {
    let best = -1, least = radius * radius;
    const c0 = this.column(x - radius), c1 = this.column(x + radius);
    for (let l = this.line(y - radius); l <= this.line(y + radius); l++) {
      for (let k = this.start[l * CELLS + c0]; k < this.start[l * CELLS + c1 + 1]; k++) {
        const i = this.rows[k], dx = this.xy[2 * i] - x, dy = this.xy[2 * i + 1] - y, d = dx * dx + dy * dy;
        if (d <= least && may(i)) { least = d; best = i; }
      }
    }
    return best;
  }
}

// The part of the map that a plot of this size shows, so that all of what is wanted is seen, in its middle, with one scale
// along x and y. Both are x0, x1, y0, y1.
export function fitRange([x0, x1, y0, y1], width, height) {
  const perPixel = Math.max((x1 - x0) / width, (y1 - y0) / height);
  const x = (x0 + x1) / 2, y = (y0 + y1) / 2, halfX = (perPixel * width) / 2, halfY = (perPixel * height) / 2;
  return [x - halfX, x + halfX, y - halfY, y + halfY];
}

// Whether a point is inside an outline, by the even-odd rule, as on the server (ui/scatter/shapes.py).
export function isInside(x, y, outline) {
  let inside = false;
  for (let a = 0, b = outline.length - 1; a < outline.length; b = a++) {
    const [ax, ay] = outline[a], [bx, by] = outline[b];
    if ((ay > y) !== (by > y) && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

// The outline with at most so many corners, so that it fits into an address. The method is that of Douglas and Peucker
// (1973), repeated with a larger slack until the corners are few enough. span: the width of the view.
export function simplify(outline, most, span) {
  let corners = outline;
  for (let slack = span / 2000; corners.length > most; slack *= 1.6) corners = thin(outline, slack);
  return corners;
}

// Leave out the corners that lie within slack of the line between the ones that are kept.
export function thin(line, slack) {
  if (line.length < 3) return line;
  const [ax, ay] = line[0], [bx, by] = line[line.length - 1], length = Math.hypot(bx - ax, by - ay);
  let far = 0, at = 0;
  for (let i = 1; i < line.length - 1; i++) {
    const [x, y] = line[i];
    const d = length ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length : Math.hypot(x - ax, y - ay);
    if (d > far) { far = d; at = i; }
  }
  if (far <= slack) return [line[0], line[line.length - 1]];
  return [...thin(line.slice(0, at + 1), slack).slice(0, -1), ...thin(line.slice(at), slack)];
}
