// The bar above the groups: how much is named, the number of groups, joining, undo, and whether all is saved.
import { button, count, icon, make } from "../../../board/browser/view/elements.js";
import { showKey } from "../../../board/browser/keys.js";
import { keyOf } from "../commands.js";

export class Bar {
  constructor(board) {
    this.board = board;
    this.figures = make("div", { cls: "figures" });
    this.progress = make("progress", { attrs: { max: "1", value: "0", "aria-label": "Crops that have a name" } });
    this.saving = make("div", { cls: "saving", attrs: { role: "status" } });
    this.undo = button("Undo", { symbol: "undo", cls: "step", key: showKey(keyOf("undo")), on: () => board.do("undo") });
    this.redo = button("Redo", { symbol: "redo", cls: "step", key: showKey(keyOf("redo")), on: () => board.do("redo") });
    this.join = button("Join", { symbol: "join_inner", key: showKey(keyOf("join")), on: () => board.do("join") });
    this.help = button("Keys", { symbol: "keyboard", key: "?", on: () => board.do("help") });
    this.slider = make("input", { attrs: { type: "range", min: "1", step: "1", "aria-label": "Number of groups", list: "suggested-groups" } });
    this.number = make("input", { cls: "k", attrs: { type: "number", min: "1", step: "1", "aria-label": "Number of groups" } });
    this.slider.addEventListener("input", () => board.chooseNumber(Number(this.slider.value)));
    this.number.addEventListener("change", () => board.chooseNumber(Number(this.number.value)));
    this.ticks = make("datalist", { attrs: { id: "suggested-groups" } });
    this.tick = make("span", { cls: "tick", attrs: { "aria-hidden": "true" } });
    this.suggested = button("", { cls: "plain", on: () => board.chooseNumber(board.state.suggested) });
    this.size = make("input", { cls: "size", title: "Size of the cards", attrs: { type: "range", min: "340", max: "760", step: "20", "aria-label": "Size of the cards" } });
    this.size.addEventListener("input", () => board.resize(Number(this.size.value)));
    this.only = make("div", { cls: "only", attrs: { role: "radiogroup", "aria-label": "Which groups" } });
    this.warning = make("div", { cls: "warning", attrs: { role: "alert" } });
    this.warning.hidden = true;
    this.who = make("div", { cls: "who" }, [icon("person"), make("span", { text: "Give your name at the left, so that others can see who named a group." })]);
    this.element = make("div", { cls: "bar" }, [
      this.warning, this.who,
      make("div", { cls: "row" }, [this.figures, make("div", { cls: "group" }, [this.saving, this.size, this.help])]),
      this.progress,
      make("div", { cls: "row" }, [
        make("label", { cls: "group number" }, [make("span", { text: "Groups" }), make("span", { cls: "rail" }, [this.slider, this.tick, this.ticks]), this.number, this.suggested]),
        make("div", { cls: "group tools" }, [this.only, this.join, this.undo, this.redo]),
      ]),
    ]);
  }

  show() {
    const { board } = this;
    const { state, list } = board;
    const figure = (n, of, words) => make("span", { cls: "figure" }, [make("b", { text: n.toLocaleString("en") }), make("span", { text: `${of} ${words}` })]);
    const share = state.crops ? state.cropsNamed / state.crops : 0;
    this.figures.replaceChildren(
      figure(state.named, ` of ${state.groups.length.toLocaleString("en")}`, "groups named"),
      figure(state.cropsNamed, ` of ${state.crops.toLocaleString("en")}`, `crops named (${Math.floor(100 * share)}%)`),
      figure(state.decisions, "", state.decisions === 1 ? "decision" : "decisions"),
      ...(state.cropsOut ? [figure(state.cropsOut, "", "taken out, for Review")] : []),
    );
    this.progress.value = share;
    for (const field of [this.slider, this.number]) {
      field.max = String(state.most);
      field.disabled = state.most < 2;
      if (document.activeElement !== field && board.root?.getRootNode().activeElement !== field) field.value = String(board.k);
    }
    this.slider.value = String(board.k);
    this.ticks.replaceChildren(make("option", { attrs: { value: String(state.suggested) } }));
    const at = state.most > 1 ? (state.suggested - 1) / (state.most - 1) : 0;
    this.tick.style.setProperty("--at", String(at));
    this.suggested.textContent = board.k === state.suggested ? "suggested number" : `suggested: ${state.suggested}`;
    this.suggested.disabled = board.k === state.suggested;
    this.undo.disabled = !state.undo && !board.sender.waiting;
    this.undo.title = state.undo ? `Undo: ${state.undo}` : "You have nothing to undo";
    this.redo.disabled = !state.redo;
    this.redo.title = state.redo ? `Redo: ${state.redo}` : "You have nothing to do again";
    this.join.disabled = list.marked.size < 2;
    this.join.title = list.marked.size < 2 ? "Mark two groups first, with the box at the left of each or with X" : `Join ${count(list.marked.size, "group")}`;
    this.who.hidden = Boolean(board.data.reviewer);
    this.size.value = String(board.choices.cardPx);
    this.#showOnly();
    this.showSaving();
  }

  #showOnly() {
    const { board } = this;
    const words = { all: "All", open: `To name (${(board.state.groups.length - board.state.named).toLocaleString("en")})`, named: "Named" };
    this.only.replaceChildren(...Object.entries(words).map(([name, text]) => make("button", {
      cls: name === board.only ? "up" : "", text, attrs: { type: "button", role: "radio", "aria-checked": String(name === board.only) }, on: { click: () => board.showOnly(name) },
    })));
  }

  showSaving() {
    const { sender } = this.board;
    this.saving.className = "saving";
    if (!sender.waiting) {
      this.saving.replaceChildren(icon("cloud_done"), make("span", { text: "All saved" }));
    } else if (!sender.problem) {
      this.saving.replaceChildren(icon("hourglass_top"), make("span", { text: "Saving …" }));
    } else {
      this.saving.classList.add("failed");
      const where = sender.kept ? "kept in this browser" : "kept on this page only, so do not close it";
      this.saving.replaceChildren(
        icon("error"), make("span", { text: `${count(sender.waiting, "decision")} not saved yet, ${where}. ${sender.problem}` }),
        button("Try now", { on: () => sender.sendNow() }),
      );
    }
  }

  warn(text) {
    const close = button("", { symbol: "close", label: "Close", on: () => { this.warning.hidden = true; } });
    this.warning.replaceChildren(icon("error"), make("span", { text }), close);
    this.warning.hidden = false;
  }
}
