// Dialogs over the board: species, note, keys, history.
import { ask, runPath } from "../addresses.js";
import { COMMANDS, normalKey, showKey } from "../keys.js";
import { WORDS, button, count, make } from "./elements.js";
import { explainGuess, joinGuesses, offerNames, sayShare } from "./guesses.js";
import { NameField } from "./name_field.js";

function open(board, title, children, { cls = "" } = {}) {
  const before = board.root.getRootNode().activeElement;
  const close = button("", { symbol: "close", cls: "close", label: "Close", on: () => dialog.close() });
  const dialog = make("dialog", { cls, attrs: { "aria-label": title } }, [
    make("header", {}, [make("h2", { text: title }), close]), ...children,
  ]);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.({ preventScroll: true });
  });
  board.root.append(dialog);
  dialog.showModal();
  return dialog;
}

// The decision that a species or a note is saved with: the present one, else a default.
function chooseVerdict(usual, { mayStayOpen = false } = {}) {
  const box = make("fieldset", { cls: "verdicts" }, [make("legend", { text: "Decision" })]);
  for (const verdict of [...(mayStayOpen ? [""] : []), "anomaly", "normal", "unsure"]) {
    const radio = make("input", { attrs: { type: "radio", name: "verdict", value: verdict } });
    radio.checked = verdict === usual;
    box.append(make("label", { cls: verdict }, [radio, make("span", { text: WORDS[verdict] })]));
  }
  return { box, get: () => box.querySelector("input:checked").value };
}

function subject(board) {
  const crops = board.targets();
  const rows = crops.map((crop) => board.rows.byCrop.get(crop)).filter(Boolean);
  return { crops, rows, words: rows.length === 1 ? rows[0].title : count(rows.length, "crop") };
}

export function askSpecies(board) {
  const { crops, rows, words } = subject(board);
  if (!rows.length) return;
  const verdict = chooseVerdict(rows[0].verdict || "anomaly");
  const guesses = joinGuesses(board.data, rows);
  const offer = (typed) => offerNames({ typed, species: board.data.species, guesses }).map(({ name, share, source, isNew }) => ({
    name, note: isNew ? "new" : share === undefined ? "" : `guess, ${sayShare(share, source)}`, help: share === undefined ? "" : explainGuess({ source }),
  }));
  const save = (name) => {
    dialog.close();
    if (!board.data.species.includes(name)) board.data.species = [...board.data.species, name].sort((a, b) => a.localeCompare(b));
    board.decide(verdict.get(), { crops, species: name });
  };
  const field = new NameField({ label: "Species", longest: 200, offer, save });
  const saveButton = button("Save", { cls: "primary", on: (event) => field.choose(field.at, event) });
  const dialog = open(board, `Which species is it? (${words})`, [field.input, field.list, verdict.box, make("footer", {}, [field.said, saveButton])]);
  field.input.focus();
}

export function askNote(board) {
  const { crops, rows, words } = subject(board);
  if (!rows.length) return;
  const mayStayOpen = rows.some((row) => !row.verdict);
  const verdict = chooseVerdict(mayStayOpen ? "" : rows[0].verdict, { mayStayOpen });
  const field = make("textarea", { attrs: { rows: "4", maxlength: "2000", "aria-label": "Note", placeholder: "What should others know?" } });
  const there = rows.length === 1 ? rows[0].note : "";
  const draft = crops.join(" ");
  const left = board.drafts.get(draft);
  field.value = left ?? there;
  // Escape, or a click beside the dialog, must not lose the text.
  field.addEventListener("input", () => {
    if (field.value === there) board.drafts.delete(draft);
    else board.drafts.set(draft, field.value);
  });
  const said = left === undefined ? [] : [make("p", { cls: "said", text: "A draft that is not saved yet." })];
  const save = () => {
    board.drafts.delete(draft);
    dialog.close();
    if (verdict.get()) board.decide(verdict.get(), { crops, note: field.value.trim() });
    else board.note(crops, field.value.trim());
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      save();
    }
  });
  const saveButton = button("Save", { cls: "primary", key: "Ctrl+Enter", on: save });
  const dialog = open(board, `A note (${words})`, [field, ...said, verdict.box, make("footer", {}, [saveButton])]);
  field.focus();
}

export function showHelp(board) {
  const { keys } = board;
  const said = make("p", { cls: "said", text: "Click a key to change it. Keys do nothing while you type in a field." });
  const table = make("div", { cls: "keys" });
  const draw = () => {
    const groups = new Map();
    for (const [name, , words, group] of COMMANDS) {
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(make("div", { cls: "one" }, [cap(name, words), make("span", { text: words })]));
    }
    groups.get("Select").push(
      make("div", { cls: "one" }, [make("kbd", { text: "⇧ →" }), make("span", { text: "Select a range (or Shift and click)" })]),
      make("div", { cls: "one" }, [make("kbd", { text: "Esc" }), make("span", { text: "Deselect all, or go back to the grid" })]),
    );
    table.replaceChildren(...[...groups].map(([group, rows]) => make("section", {}, [make("h3", { text: group }), ...rows])));
  };
  const cap = (name, words) => {
    const press = make("button", { cls: "cap", text: showKey(keys.keys[name]), title: `Change the key for “${words}”`, attrs: { type: "button", "aria-label": `${words}: ${showKey(keys.keys[name])}. Change it` } });
    press.addEventListener("click", () => {
      press.textContent = "…";
      said.textContent = `Press the new key for “${words}”, or Esc to keep the old one.`;
      const listen = (event) => {
        if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
        if (event.key !== "Escape") {
          const key = normalKey(event);
          const refused = event.ctrlKey || event.metaKey || event.altKey ? "Press a single key, without Ctrl or Alt." : keys.refuse(name, key);
          if (refused) {
            said.textContent = refused;
            return;
          }
          keys.change(name, key);
          board.renewKeys();
        }
        press.removeEventListener("keydown", listen);
        said.textContent = "Saved in this browser.";
        draw();
        [...table.querySelectorAll("button")].find((one) => one.title === press.title)?.focus();
      };
      press.addEventListener("keydown", listen);
      press.focus();
    });
    return press;
  };
  const reset = button("Default keys", { on: () => { keys.reset(); board.renewKeys(); draw(); } });
  draw();
  open(board, "Keys", [said, table, make("footer", {}, [reset])], { cls: "wide" });
}

export async function showHistory(board, row) {
  const list = make("ol", { cls: "history" }, [make("li", { text: "Loading…" })]);
  open(board, `Decisions on this crop (${row.title})`, [list]);
  try {
    const { history } = await ask(runPath(board.run, `crops/${row.crop}/history`));
    const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
    list.replaceChildren(...(history.length ? history.map((one) => make("li", { cls: one.verdict }, [
      make("b", { text: one.isNote ? "Note" : one.verdict ? WORDS[one.verdict] : "Undone" }),
      make("span", { text: [one.species, one.reviewer && `by ${one.reviewer}`, days.format(new Date(one.at))].filter(Boolean).join(" · ") }),
      one.note ? make("q", { text: one.note }) : null,
      make("small", { text: [`run ${one.run}`, one.bundle ? `bundle ${one.bundle}` : "first look", one.score === null ? "" : `score ${one.score.toFixed(2)}`, one.p === null ? "" : `p = ${one.p.toPrecision(2)}`, one.rate === null ? "" : `false-alarm rate ${Number((100 * one.rate).toPrecision(3))}%`].filter(Boolean).join(" · ") }),
    ])) : [make("li", { text: "Nobody has decided about this crop yet." })]));
  } catch (error) {
    list.replaceChildren(make("li", { text: error.message }));
  }
}
