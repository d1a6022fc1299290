// The card of a group: its most typical and least typical crops, what is known of it, and what can be done to it.
import { button, count, icon, make } from "../../../board/browser/view/elements.js";
import { showKey } from "../../../board/browser/keys.js";
import { keyOf } from "../commands.js";
import { sayHours } from "../state/group_list.js";

export const MEANINGS = {
  species: ["Usual", "check"], odd: ["Odd", "priority_high"], nothing: ["Nothing there", "block"], people: ["People", "person"],
};

const picture = (run, crop) => `/crops/${crop}.jpg?run=${encodeURIComponent(run)}`;

export const nameOf = ({ meaning, species }) => species || (meaning === "nothing" || meaning === "people" ? MEANINGS[meaning][0] : "");

// What the card of a group depends on: it is drawn again when this differs.
export const signOf = (group) => JSON.stringify(group);

export function buildCard(board, group) {
  const isOpen = !group.meaning || group.source === "suggested";
  const card = make("article", {
    cls: `pack is-${group.source === "suggested" ? "suggested" : group.meaning || "open"} ${group.saving}`,
    attrs: { tabindex: "0", role: "group", "aria-label": sayGroup(group), "aria-busy": group.saving === "busy" ? "true" : null },
    data: { id: group.id },
    on: { click: () => board.focusOn(group.id), focusin: () => board.focusOn(group.id, { quiet: true }) },
  }, [
    buildHead(board, group, isOpen), buildPictures(board, group), buildGuesses(board, group, isOpen), buildFacts(group), buildActs(board, group),
  ]);
  // A group is one tab stop: what its buttons do, its keys do too.
  for (const inner of card.querySelectorAll("button, input")) inner.tabIndex = -1;
  return card;
}

export function sayGroup(group) {
  const name = nameOf(group) || (group.meaning ? MEANINGS[group.meaning][0] : "not named");
  const state = group.source === "suggested" ? "suggested" : group.meaning && MEANINGS[group.meaning][0];
  return [`Group of ${count(group.n, "crop")}`, group.place ? `always at the same place of ${group.place.camera}` : "", name, state].filter(Boolean).join(", ");
}

function buildHead(board, group, isOpen) {
  const mark = make("input", {
    cls: "mark", title: `Mark for joining (${showKey(keyOf("mark"))})`, attrs: { type: "checkbox", "aria-label": `Mark: ${sayGroup(group)}` },
    on: { change: () => board.mark(group.id) },
  });
  mark.checked = board.list.marked.has(group.id);
  const name = nameOf(group);
  const title = make("h3", { cls: name ? "title" : "title none", text: name || (group.meaning ? MEANINGS[group.meaning][0] : "No name yet"), title: name });
  const [word, symbol] = MEANINGS[group.meaning] ?? [];
  const badge = word && make("span", { cls: "badge" }, [
    icon(group.saving === "waiting" ? "hourglass_top" : symbol),
    make("span", { text: group.source === "suggested" ? `suggested: ${word.toLowerCase()}` : word }),
  ]);
  const recurs = group.place && make("span", {
    cls: "badge recurs", title: `These boxes come again and again at the same place of ${group.place.camera} and look alike, such as a stump or a branch. What you say is remembered for this camera.`,
  }, [icon("repeat"), make("span", { text: "same place" })]);
  const by = group.reviewer && !isOpen ? make("span", { cls: "by", text: group.reviewer, title: `Named by ${group.reviewer}` }) : null;
  return make("header", { cls: "head" }, [mark, title, recurs, badge, by, make("span", { cls: "n", text: count(group.n, "crop") })]);
}

function buildPictures(board, group) {
  const tile = ([crop, words], cls) => {
    const press = make("button", {
      cls: `tile ${cls}`, title: `${words}. Click to take it out of this group.`,
      attrs: { type: "button", tabindex: "-1", "aria-label": `Take out: ${words}` },
      on: { click: (event) => { event.stopPropagation(); board.takeOut(group.id, crop); } },
    }, [
      make("img", { attrs: { src: picture(board.run, crop), alt: "", loading: "lazy", decoding: "async", draggable: "false" } }),
      make("span", { cls: "out" }, [icon("close")]),
    ]);
    press.querySelector("img").addEventListener("error", () => press.classList.add("missing"));
    return press;
  };
  const rest = group.n - group.typical.length - group.least.length;
  const typical = make("div", { cls: "typical" }, group.typical.map((crop) => tile(crop, "")));
  const least = group.least.length ? make("div", { cls: "least" }, group.least.map((crop) => tile(crop, "far"))) : null;
  const labels = make("div", { cls: "labels" }, [
    make("span", { text: group.least.length ? "most typical" : "all of them" }),
    rest > 0 ? button(`all ${count(group.n, "crop")}`, { cls: "plain", title: `See all crops (${showKey(keyOf("all"))})`, on: (event) => { event.stopPropagation(); board.showAll(group.id); } }) : null,
    least && make("span", { text: "least typical" }),
  ]);
  return make("div", { cls: "pictures" }, [labels, make("div", { cls: "tiles" }, [typical, least])]);
}

function buildGuesses(board, group, isOpen) {
  if (!group.guesses.length) return null;
  const chips = group.guesses.slice(0, 3).map(([name, share], n) => button(`${name} ${Math.round(100 * share)}%`, {
    cls: "chip", key: isOpen ? String(n + 1) : "", title: `Name it ${name}`, on: (event) => { event.stopPropagation(); board.focusOn(group.id); board.takeGuess(n); },
  }));
  return make("div", { cls: "guesses" }, [make("span", { cls: "word", text: group.guessedBy ? `${group.guessedBy} says` : "Guess: looks like" }), ...chips]);
}

function buildFacts(group) {
  const cameras = group.nCameras === 1 ? group.cameras[0][0] : `${count(group.nCameras, "camera")}: ${group.cameras.map(([name, n]) => `${name} ${n}`).join(", ")}${group.nCameras > group.cameras.length ? ", …" : ""}`;
  const highest = Math.max(1, ...group.hours);
  const said = sayHours(group.hours);
  const bars = said && make("span", { cls: "hours", title: `Hours of day, from 0 to 24: ${said}`, attrs: { role: "img", "aria-label": `Hours: ${said}` } },
    group.hours.map((n) => make("i", { attrs: { style: `height:${Math.round((100 * n) / highest)}%` } })));
  const detector = group.detector.length ? `detector: ${group.detector.map(([name, n]) => `${name} ${Math.round((100 * n) / group.n)}%`).join(", ")}` : "";
  const frames = group.frames ? (group.frames === group.n ? "whole frames" : count(group.frames, "whole frame")) : "";
  const text = [count(group.events, "event"), frames, detector].filter(Boolean).join(" · ");
  return make("div", { cls: "known" }, [make("span", { cls: "where", text: `${cameras} · ${text}`, title: `${cameras} · ${text}` }), bars, said && make("span", { cls: "when", text: said })]);
}

function buildActs(board, group) {
  const act = (text, command, cls) => button(text, {
    cls: `act ${cls}`, key: showKey(keyOf(command)), on: (event) => { event.stopPropagation(); board.focusOn(group.id); board.do(command); },
  });
  return make("div", { cls: "acts" }, [
    group.source === "suggested" ? act("Yes", "confirm", "yes") : null,
    act("Name", "name", "to-name"), act("Usual", "usual", "to-species"), act("Odd", "odd", "to-odd"),
    act("Nothing", "nothing", "to-nothing"), act("People", "people", "to-people"), act("Mixed", "mixed", "to-split"),
  ]);
}
