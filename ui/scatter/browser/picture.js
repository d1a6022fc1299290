// The map as a picture for a report: the points as they are drawn, the axes, and what the colours mean.
import { drawMark } from "./paint.js";

const ROOM = 16, LINE = 22, TITLE = 34, AXIS = 26;
const BAR = 180;
const FONT_PX = 14;

// How large the picture is and where its parts lie, in CSS pixels: the map at the left, the legend beside it.
// widest: width of the widest text of the legend; rows: its lines, the heading included.
export function layOut({ width, height, widest, rows }) {
  const beside = rows ? Math.min(Math.max(widest + LINE + ROOM, 140), 360) : 0;
  return {
    width: AXIS + width + beside + 2 * ROOM,
    height: Math.max(TITLE + height + AXIS, TITLE + rows * LINE) + ROOM,
    map: [ROOM + AXIS, TITLE],
    legend: [ROOM + AXIS + width + ROOM, TITLE + LINE / 2],
  };
}

export function drawPicture({ canvas, look, title, axes, legend, scale, groups, colours }) {
  const sharp = canvas.width / canvas.clientWidth || 1;
  const [width, height] = [canvas.width / sharp, canvas.height / sharp];
  const made = document.createElement("canvas"), brush = made.getContext("2d");
  const font = (bold = false) => `${bold ? "600 " : ""}${FONT_PX}px ${look.font}`;
  brush.font = font();
  const texts = scale || groups.map(({ label }) => label);
  const widest = scale ? BAR : Math.max(0, ...texts.map((text) => brush.measureText(text).width));
  const place = layOut({ width, height, widest, rows: texts.length ? 1 + (scale ? 2 : texts.length) : 0 });
  made.width = Math.round(place.width * sharp);
  made.height = Math.round(place.height * sharp);
  brush.scale(sharp, sharp);
  brush.fillStyle = look.ground;
  brush.fillRect(0, 0, place.width, place.height);
  const [left, top] = place.map;
  brush.drawImage(canvas, left, top, width, height);
  brush.strokeStyle = look.quiet;
  brush.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  brush.fillStyle = look.text;
  brush.textBaseline = "middle";
  const write = (text, x, y, { bold = false, align = "left" } = {}) => {
    brush.font = font(bold);
    brush.textAlign = align;
    brush.fillText(text, x, y);
  };
  write(title, left, TITLE / 2, { bold: true });
  write(axes[0], left + width / 2, top + height + AXIS / 2, { align: "center" });
  brush.save();
  brush.translate(left - AXIS / 2, top + height / 2);
  brush.rotate(-Math.PI / 2);
  write(axes[1], 0, 0, { align: "center" });
  brush.restore();
  const [x, y] = place.legend;
  if (texts.length) write(legend, x, y, { bold: true });
  if (scale) drawScale({ brush, write, colours, texts, x, y: y + LINE });
  else groups.forEach(({ label, symbol }, k) => {
    const mark = document.createElement("canvas"), at = y + (k + 1) * LINE;
    drawMark(mark, symbol || "circle", colours[k]);
    brush.drawImage(mark, x, at - 7, 14, 14);
    write(label, x + LINE, at);
  });
  return made;
}

function drawScale({ brush, write, colours, texts, x, y }) {
  const ramp = brush.createLinearGradient(x, 0, x + BAR, 0), ink = brush.fillStyle;
  colours.forEach((colour, k) => ramp.addColorStop(k / Math.max(colours.length - 1, 1), colour));
  brush.fillStyle = ramp;
  brush.fillRect(x, y - 6, BAR, 12);
  brush.fillStyle = ink;
  write(texts[0], x, y + LINE);
  write(texts.at(-1), x + BAR, y + LINE, { align: "right" });
}

// Give the picture to the browser, which saves it like any file.
export function savePicture({ name, ...parts }) {
  return new Promise((done) => drawPicture(parts).toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name.replace(/[^\p{L}\p{N} ._-]+/gu, "");
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    done();
  }, "image/png"));
}
