// Dialogs over the groups: a name, all crops of a group, the keys.
import { ask, runPath } from "../../../board/browser/addresses.js";
import { showKey } from "../../../board/browser/keys.js";
import { button, count, icon, make } from "../../../board/browser/view/elements.js";
import { NameField } from "../../../board/browser/view/name_field.js";
import { COMMANDS } from "../commands.js";
import { offerNames } from "../state/group_list.js";

const CROPS_AT_ONCE = 200;

function open(board, title, children, { cls = "" } = {}) {
  const close = button("", { symbol: "close", cls: "close", label: "Close", on: () => dialog.close() });
  const dialog = make("dialog", { cls, attrs: { "aria-label": title } }, [make("header", {}, [make("h2", { text: title }), close]), ...children]);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => {
    dialog.remove();
    board.focusCard();
  });
  board.root.append(dialog);
  dialog.showModal();
  return dialog;
}

export function askName(board, group) {
  const { names, noAnimal } = board.state;
  const guesses = group.guesses.filter(([name]) => name !== noAnimal);
  const shares = new Map(guesses);
  const offer = (typed) => offerNames(typed, { guesses, names }).map((name) => ({
    name, note: shares.has(name) ? `guess, ${Math.round(100 * shares.get(name))}%` : names.includes(name) ? "" : "new",
  }));
  const box = make("fieldset", { cls: "verdicts" }, [make("legend", { text: "This is" })]);
  for (const [value, words, cls] of [["species", "usual here", "normal"], ["odd", "odd: what I look for", "anomaly"]]) {
    const radio = make("input", { attrs: { type: "radio", name: "meaning", value } });
    radio.checked = value === (group.meaning === "odd" ? "odd" : "species");
    box.append(make("label", { cls }, [radio, make("span", { text: words })]));
  }
  const save = (name, event) => {
    dialog.close();
    board.name(group.id, event.key === "Enter" && event.shiftKey ? "odd" : box.querySelector("input:checked").value, name);
  };
  const field = new NameField({ label: "Name", longest: 200, offer, save, said: "Enter saves. Shift+Enter saves it as odd." });
  const foot = make("footer", {}, [field.said, button("Save", { cls: "primary", on: (event) => field.choose(field.at, event) })]);
  const dialog = open(board, `What is it? (${count(group.n, "crop")})`, [field.input, field.list, box, foot]);
  field.input.focus();
}

export async function showAllCrops(board, group) {
  const grid = make("ol", { cls: "every" });
  const said = make("p", { cls: "said", text: "The most typical come first. Click one to take it out of this group." });
  const more = button("More", { on: () => load() });
  const dialog = open(board, `All ${count(group.n, "crop")}`, [said, grid, make("footer", {}, [more])], { cls: "wide" });
  let from = 0;
  async function load() {
    more.disabled = true;
    try {
      const { crops, total } = await ask(runPath(board.run, `groups/${group.id}/crops?k=${board.k}&from=${from}&n=${CROPS_AT_ONCE}`));
      from += crops.length;
      grid.append(...crops.map(([crop, words]) => {
        const press = make("button", { cls: "tile", title: words, attrs: { type: "button", "aria-label": `Take out: ${words}` } }, [
          make("img", { attrs: { src: `/crops/${crop}.jpg?run=${encodeURIComponent(board.run)}`, alt: "", loading: "lazy", decoding: "async" } }),
          make("span", { cls: "out" }, [icon("close")]),
        ]);
        press.addEventListener("click", () => {
          press.disabled = true;
          press.classList.add("gone");
          board.takeOut(group.id, crop);
        });
        return make("li", {}, [press]);
      }));
      more.hidden = from >= total || !crops.length;
      more.textContent = `More (${(total - from).toLocaleString("en")} left)`;
    } catch (error) {
      said.textContent = error.message;
    }
    more.disabled = false;
  }
  await load();
  if (dialog.isConnected) grid.querySelector("button")?.focus();
}

export function showHelp(board) {
  const sections = new Map();
  for (const [, key, words, heading] of COMMANDS) {
    if (!sections.has(heading)) sections.set(heading, []);
    sections.get(heading).push(make("div", { cls: "one" }, [make("kbd", { text: showKey(key) }), make("span", { text: words })]));
  }
  sections.get("Name").push(make("div", { cls: "one" }, [make("kbd", { text: "1 2 3" }), make("span", { text: "Take the first, second or third likely name" })]));
  const table = make("div", { cls: "keys" }, [...sections].map(([heading, rows]) => make("section", {}, [make("h3", { text: heading }), ...rows])));
  const said = make("p", { cls: "said", text: "They act on the group with the frame. A click on a crop takes it out of its group; it stays undecided, for Review." });
  open(board, "Keys", [said, table], { cls: "wide" });
}
