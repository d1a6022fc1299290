// One crop at a time: the photo with its boxes, the event as a film strip, and normal crops to compare with.
import { ask, cropPicture, photoPicture, runPath } from "../addresses.js";
import { WORDS, button, make } from "./elements.js";
import { badge } from "./grid.js";
import { explainGuess, sayGuesses } from "./guesses.js";

const PAUSE_MS = 220; // the event and the normal crops are fetched once the reviewer has stayed this long
const SHARP_PX = 3072;
const FILLED = 0.72; // share of the frame that a zoomed animal fills
const USUAL_SHARE = 0.5; // up to this share of the limit of the usual, a patch is as dark as possible
const DARKEST = 0.68;
const SHAPED_PX = 256;

export class Single {
  constructor(board) {
    this.board = board;
    this.zoomed = false;
    this.lit = false; // whether the heat map is on
    this.ask = null; // what asks for it when it is lit
    this.timer = 0;
    this.frame = make("div", { cls: "frame" });
    this.crop = "";
    this.facts = make("dl", { cls: "facts" });
    this.title = make("div", { cls: "name" });
    this.why = make("div", { cls: "why" });
    this.unusual = make("div", { cls: "unusual" });
    this.rebuilt = make("div", { cls: "rebuilt" });
    this.looks = make("div", { cls: "looks" });
    this.state = make("div", { cls: "state" });
    this.acts = make("div", { cls: "acts" });
    this.film = make("ol", { cls: "film", attrs: { "aria-label": "Photos of this event" } });
    this.filmTitle = make("div", { cls: "heading" });
    this.alike = make("ol", { cls: "alike" });
    this.alikeTitle = make("div", { cls: "heading" });
    this.side = make("div", { cls: "side" }, [this.title, this.looks, this.state, this.acts, this.why, this.rebuilt, this.unusual, this.facts, this.alikeTitle, this.alike]);
    this.element = make("div", { cls: "single", attrs: { tabindex: "-1" } }, [
      make("div", { cls: "look" }, [this.frame, this.filmTitle, this.film]), this.side,
    ]);
    this.#buildActs();
  }

  end() {
    clearTimeout(this.timer);
  }

  get isUp() {
    return this.board.choices.single;
  }

  show() {
    const { board } = this;
    const { row } = board;
    clearTimeout(this.timer);
    this.ask = null;
    if (!row) return;
    if (this.crop !== row.crop) this.zoomed = false;
    this.crop = row.crop;
    this.rebuilt.hidden = !board.data.rebuilds; // its room is kept, so that nothing moves when it comes
    this.rebuilt.classList.add("old");
    this.#showPhoto(row);
    this.update(row);
    this.film.classList.add("old");
    this.alike.classList.add("old");
    this.timer = setTimeout(() => this.#showBeside(row), PAUSE_MS);
    const root = this.element.getRootNode();
    if (!root.activeElement || !board.root.contains(root.activeElement) || root.activeElement.closest(".grid")) {
      this.element.focus({ preventScroll: true });
    }
  }

  #showPhoto(row) {
    const { board } = this;
    const showPhoto = board.choices.photo;
    const address = showPhoto ? photoPicture(board.run, row.photo) : cropPicture(board.run, row.crop);
    const ready = board.pictures.prepare(address, { now: true });
    const picture = ready.image;
    picture.alt = showPhoto ? "The whole photo" : "The crop";
    this.frame.className = showPhoto ? "frame" : "frame alone";
    const [width, height] = row.size;
    this.frame.style.setProperty("--ratio", showPhoto ? String(width / height) : "1.3333");
    this.inner = make("div", { cls: "inner" });
    if (!ready.done && showPhoto) {
      // Until the photo has loaded, the crop is shown where it was cut out: it is ready already.
      const stand = board.pictures.prepare(cropPicture(board.run, row.crop), { now: true }).image.cloneNode();
      stand.className = "stand";
      place(stand, row.cut, row.size);
      this.inner.append(stand);
      picture.classList.add("coming");
      ready.when.then(() => {
        picture.classList.remove("coming");
        if (ready.done) stand.remove(); // it lies over the photo and is less sharp
      });
    }
    this.#noticeMissing(ready);
    this.inner.append(picture);
    if (showPhoto && row.kind === "detection") this.inner.append(drawBox(row.box, row.size, "mine"));
    this.frame.replaceChildren(this.inner, ...this.#frameButtons());
    this.#zoom(row);
  }

  // The server knows why: the photo is gone, or its file holds another picture by now.
  async #noticeMissing(ready) {
    const { inner, frame } = this;
    await ready.when;
    if (!ready.failed || !inner.contains(ready.image)) return;
    frame.classList.add("missing");
    const why = await fetch(ready.address, { credentials: "same-origin" }).then((answer) => (answer.ok ? "" : answer.text()), () => "");
    if (why && inner.contains(ready.image)) frame.append(make("div", { cls: "why-missing", text: why, attrs: { role: "status" } }));
  }

  #frameButtons() {
    const { board } = this;
    const { keys, choices } = board;
    return [
      make("div", { cls: "over" }, [
        button("", { symbol: this.zoomed ? "zoom_out" : "zoom_in", title: `Zoom to the animal (${keys.of("zoom")})`, label: "Zoom", on: () => this.toggleZoom() }),
        button("", { symbol: choices.photo ? "crop" : "photo", title: `${choices.photo ? "Crop only" : "Whole photo"} (${keys.of("context")})`, label: "Photo or crop", on: () => board.do("context") }),
      ]),
    ];
  }

  toggleZoom() {
    this.zoomed = !this.zoomed;
    const { row } = this.board;
    if (!row) return;
    if (!this.board.choices.photo) this.board.choose({ photo: true });
    else this.#zoom(row);
  }

  #zoom(row) {
    if (!this.zoomed || !this.board.choices.photo) {
      this.inner.style.transform = "";
      this.frame.style.setProperty("--shown", "1");
      return;
    }
    const [x, y, width, height] = row.box;
    const [photoWidth, photoHeight] = row.size;
    const scale = Math.max(1, Math.min(12, FILLED * Math.min(photoWidth / width, photoHeight / height)));
    const middle = [(x + width / 2) / photoWidth, (y + height / 2) / photoHeight];
    const shift = middle.map((at) => Math.min(0, Math.max(1 - scale, 0.5 - at * scale)) * 100);
    this.inner.style.transform = `translate(${shift[0]}%, ${shift[1]}%) scale(${scale})`;
    this.frame.style.setProperty("--shown", String(scale));
    const picture = this.inner.querySelector("img:not(.stand)");
    if (picture && row.size[0] > 1600) {
      const sharp = this.board.pictures.prepare(photoPicture(this.board.run, row.photo, SHARP_PX), { now: true });
      sharp.when.then(() => {
        if (sharp.done && this.crop === row.crop && this.zoomed && picture.isConnected) picture.replaceWith(sharp.image);
      });
    }
  }

  #buildActs() {
    const { board } = this;
    const act = (verdict, command) =>
      button(WORDS[verdict], { cls: `act ${verdict}`, key: board.keys.of(command), on: () => board.decide(verdict), data: { verdict } });
    const more = (text, symbol, command) =>
      button(text, { symbol, key: board.keys.of(command), on: () => board.do(command) });
    this.acts.append(
      make("div", { cls: "main" }, [act("anomaly", "accept"), act("normal", "reject"), act("unsure", "unsure")]),
      make("div", { cls: "more" }, [
        more("Species", "edit", "species"), more("Note", "sticky_note_2", "note"),
        more("Whole event", "burst_mode", "markEvent"), more("History", "history", "history"),
      ]),
    );
  }

  update(row) {
    if (!this.isUp || row.crop !== this.crop) return;
    const { board } = this;
    const name = row.verdictSpecies || row.title;
    const bestFit = row.bestFit && !row.verdictSpecies && row.species;
    this.title.replaceChildren(bestFit ? make("span", { cls: "best-fit", text: "most like " }) : "", name);
    this.looks.textContent = sayGuesses(board.data, row);
    this.looks.title = explainGuess(row.guesses?.[0]);
    this.looks.hidden = !this.looks.textContent;
    this.why.textContent = row.why;
    this.unusual.textContent = row.unusual ?? "";
    this.unusual.hidden = !row.unusual;
    this.state.className = `state ${row.verdict} ${row.saving || ""}`;
    const signs = badge(row);
    this.state.replaceChildren(...(signs.length ? signs : [make("span", { text: "Undecided" })]));
    this.element.className = `single ${row.verdict}`;
    const facts = {
      Camera: row.camera, Time: row.time, Detector: row.detector || (row.kind === "frame" ? "nothing found: the whole frame was scored" : ""),
      File: row.file, Note: row.note, Number: `${board.cursor.rank + 1} of ${board.rows.total.toLocaleString("en")}`,
    };
    this.facts.replaceChildren(...Object.entries(facts).filter(([, value]) => value).flatMap(([key, value]) => [
      make("dt", { text: key }), make("dd", { text: value }),
    ]));
  }

  showMarks() {
    for (const item of this.film.children) {
      item.classList.toggle("marked", (item.dataset.crops || "").split(" ").some((crop) => this.board.marks.has(crop)));
    }
  }

  async #showBeside(row) {
    this.#showHeat(row);
    this.#showFilm(row);
    this.#showAlikeOf(row);
    const after = this.board.rows.at(this.board.cursor.rank + 1);
    if (after) this.board.rows.eventOf(after).catch(() => {});
  }

  async #showFilm(row) {
    let event;
    try {
      event = await this.board.rows.eventOf(row);
    } catch {
      return;
    }
    if (this.crop !== row.crop) return;
    const n = event.photos.length + event.more;
    this.filmTitle.textContent = n > 1 ? `This event: ${n} photos` : "This event: one photo";
    this.film.classList.remove("old");
    this.film.replaceChildren(...event.photos.map((photo) => this.#buildFrame(photo, row)));
    this.showMarks();
    // The other animals in this photo.
    const here = event.photos.find(({ photo }) => photo === row.photo);
    if (here && this.board.choices.photo) {
      for (const crop of here.crops) {
        if (crop.crop !== row.crop && crop.kind === "detection") this.inner.append(drawBox(crop.box, crop.size, "other"));
      }
    }
    const up = this.film.querySelector(".up");
    if (up) this.film.scrollLeft = up.offsetLeft - this.film.clientWidth / 2 + up.clientWidth / 2;
  }

  #buildFrame(photo, row) {
    const { board } = this;
    const known = photo.crops.map((crop) => board.rows.meet(crop));
    const verdicts = [...new Set(known.map(({ verdict }) => verdict).filter(Boolean))];
    const look = button("", {
      label: `${photo.time}${verdicts.length ? `, ${verdicts.map((one) => WORDS[one]).join(", ")}` : ""}`, title: `${photo.file}, ${photo.time}`,
      on: () => this.#lookAt(photo),
    });
    look.append(
      make("img", { attrs: { src: photoPicture(board.run, photo.photo, 320), alt: "", loading: "lazy", draggable: "false" } }),
      ...photo.crops.filter(({ kind }) => kind === "detection").map((crop) => drawBox(crop.box, crop.size, crop.crop === row.crop ? "mine" : "other")),
    );
    look.querySelector("img").addEventListener("error", () => look.classList.add("missing"), { once: true });
    return make("li", {
      cls: `${photo.photo === row.photo ? "up" : ""} ${verdicts.length === 1 ? verdicts[0] : ""}`,
      data: { crops: known.map(({ crop }) => crop).join(" ") },
    }, [look]);
  }

  // Another photo of the event: go to its crop if that is in the queue, else only show the photo.
  #lookAt(photo) {
    const inQueue = photo.crops.map(({ crop }) => this.board.rows.ranks.get(crop)).find((rank) => rank !== undefined);
    if (inQueue !== undefined) {
      this.board.go(inQueue);
      return;
    }
    const ready = this.board.pictures.prepare(photoPicture(this.board.run, photo.photo), { now: true });
    const picture = ready.image;
    picture.alt = `Another photo of this event, ${photo.time}`;
    this.inner.replaceChildren(picture, ...photo.crops.filter(({ kind }) => kind === "detection").map((crop) => drawBox(crop.box, crop.size, "other")));
    this.inner.style.transform = "";
    this.frame.classList.remove("missing");
    for (const part of this.frame.querySelectorAll(".legend, .light, .why-missing")) part.remove();
    this.#noticeMissing(ready);
    for (const item of this.film.children) item.classList.toggle("up", item.dataset.crops.includes(photo.crops[0].crop));
    const back = button("Back to the crop", { symbol: "undo", on: () => this.show() });
    this.frame.querySelector(".over").prepend(back);
  }

  // Where a picture is odd: the usual parts are darkened, so that the odd parts stay clear. The patches of a crop are
  // compared only when somebody lights it, for that takes the server seconds for the first crop of a species.
  async #showHeat(row) {
    const { inner, frame, board } = this;
    const waits = row.kind !== "frame" && !board.data.rebuilds;
    if (waits && !board.data.showsOddParts) return;
    this.ask = null;
    if (waits) {
      this.#addLight();
      this.ask = async () => {
        this.ask = null;
        const legend = make("div", { cls: "legend", text: "Compared with normal crops …" });
        frame.append(legend);
        const answer = await this.#askHeat(row);
        legend.remove();
        if (this.inner === inner) this.#layHeat(answer ?? { words: "Where it is odd cannot be shown now." }, row);
      };
      this.#light(this.lit);
      return;
    }
    const answer = await this.#askHeat(row);
    if (this.inner !== inner || !answer?.heat) return;
    this.#showRebuilt(answer);
    this.#addLight();
    this.#layHeat(answer, row);
    this.#light(this.lit);
  }

  async #askHeat(row) {
    try {
      return await ask(runPath(this.board.run, `crops/${row.crop}/heat`));
    } catch {
      return null;
    }
  }

  #addLight() {
    const light = button("", { symbol: "flashlight_on", cls: "light", title: "Where it is odd", label: "Where it is odd", on: () => this.#light(!this.lit) });
    this.frame.querySelector(".over").prepend(light);
  }

  #layHeat({ heat, words }, row) {
    if (heat) this.inner.append(drawHeat(heat, row, this.board.choices.photo));
    this.frame.append(make("div", { cls: "legend", text: words || "There is nothing to compare this crop with." }));
  }

  // What an autoencoder made of the crop, beside what it got.
  #showRebuilt({ original, rebuilt, error }) {
    if (!rebuilt) return;
    const picture = (src, text) => make("figure", {}, [make("img", { attrs: { src, alt: text, draggable: "false" } }), make("figcaption", { text })]);
    this.rebuilt.replaceChildren(picture(original, "As it is"), picture(rebuilt, "As put together again"), make("div", { text: error }));
    this.rebuilt.classList.remove("old");
  }

  #light(lit) {
    this.lit = lit;
    this.frame.classList.toggle("lit", lit);
    this.frame.querySelector(".light")?.setAttribute("aria-pressed", String(lit));
    if (lit) this.ask?.();
  }

  async #showAlikeOf(row) {
    let answer;
    try {
      answer = await ask(runPath(this.board.run, `crops/${row.crop}/alike`));
    } catch {
      answer = { crops: [], words: "" };
    }
    if (this.crop !== row.crop) return;
    this.alike.classList.remove("old");
    this.alikeTitle.textContent = answer.words;
    this.alike.replaceChildren(...answer.crops.map((crop) => make("li", {}, [
      make("img", { attrs: { src: cropPicture(this.board.run, crop.crop), alt: `${crop.title}, ${crop.camera}, ${crop.time}`, title: `${crop.camera}, ${crop.time}`, draggable: "false" } }),
    ])));
  }

  enlargeAlike() {
    this.alike.classList.toggle("large");
    this.alike.scrollIntoView({ block: "nearest" });
  }
}

function place(element, [x, y, width, height], [photoWidth, photoHeight]) {
  element.style.left = `${(100 * x) / photoWidth}%`;
  element.style.top = `${(100 * y) / photoHeight}%`;
  element.style.width = `${(100 * width) / photoWidth}%`;
  element.style.height = `${(100 * height) / photoHeight}%`;
}

// One pixel per patch, which the browser smooths over the photo. The map of a crop lies where it was cut out.
function drawHeat({ height, width, shares }, row, onPhoto) {
  const canvas = make("canvas", { cls: "heat", attrs: { width, height, "aria-hidden": "true" } });
  const brush = canvas.getContext("2d");
  const picture = brush.createImageData(width, height);
  shares.forEach((share, at) => {
    const odd = Math.min(1, Math.max(0, (share - USUAL_SHARE) / (1 - USUAL_SHARE)));
    picture.data[4 * at + 3] = Math.round(255 * DARKEST * (1 - odd));
  });
  brush.putImageData(picture, 0, 0);
  if (onPhoto) {
    if (row.kind !== "frame") {
      canvas.classList.add("part"); // the rest of the photo was not scored
      place(canvas, row.cut, row.size);
    }
    return canvas;
  }
  // Without the photo, the crop stands in the middle of the frame, and so must its map, which needs its proportions.
  const [, , cutWidth, cutHeight] = row.cut;
  const shaped = make("canvas", { cls: "heat", attrs: { width: Math.round(SHAPED_PX * Math.min(1, cutWidth / cutHeight)), height: Math.round(SHAPED_PX * Math.min(1, cutHeight / cutWidth)), "aria-hidden": "true" } });
  shaped.getContext("2d").drawImage(canvas, 0, 0, shaped.width, shaped.height);
  return shaped;
}

function drawBox(box, size, cls) {
  const element = make("div", { cls: `box ${cls}` });
  place(element, box, size);
  return element;
}
