// Above the crops: how far the review is, whether all is saved, how the crops are shown. Below: what to do with several.
import { PAGE_SIZES } from "./board.js";
import { askNote, askSpecies, showHelp } from "./dialogs.js";
import { button, count, icon, make } from "./elements.js";

const HOUR_MS = 3_600_000;
const WITHOUT_NAME = "Your name is not known yet: give it in the bar on the left, and it is kept with each decision.";

export class Bar {
  constructor(board) {
    this.board = board;
    const { keys } = board;
    this.tally = make("div", { cls: "tally" });
    this.meter = make("progress", { attrs: { max: "1", value: "0", "aria-label": "Decided" } });
    this.saving = make("div", { cls: "saving", attrs: { role: "status", "aria-live": "polite" } });
    this.warning = make("div", { cls: "warning", attrs: { role: "alert" } });
    this.warning.hidden = true;
    this.who = make("div", { cls: "who" }, [icon("person"), make("span", { text: WITHOUT_NAME })]);
    this.undo = button("Undo", { symbol: "undo", cls: "step", title: `Take back the last decision (${keys.of("undo")})`, on: () => board.undo() });
    this.redo = button("Redo", { symbol: "redo", cls: "step", title: `Decide it again (${keys.of("redo")})`, on: () => board.redo() });
    this.view = button("", { on: () => board.choose({ single: !board.choices.single }) });
    this.size = make("input", {
      cls: "size", title: "Size of the cards",
      attrs: { type: "range", min: "130", max: "480", step: "10", "aria-label": "Size of the cards" },
      on: { input: () => board.choose({ cardPx: Number(this.size.value) }) },
    });
    this.pageSize = make("select", { attrs: { "aria-label": "Cards a page" }, on: { change: () => board.choose({ pageSize: Number(this.pageSize.value) }) } },
      PAGE_SIZES.map((n) => make("option", { text: `${n} a page`, attrs: { value: String(n) } })));
    this.advance = make("input", { attrs: { type: "checkbox" }, on: { change: () => board.choose({ advance: this.advance.checked }) } });
    const advance = make("label", { cls: "advance", title: "After a decision, go on to the next undecided crop" }, [this.advance, make("span", { text: "Go on by itself" })]);
    this.turner = make("div", { cls: "turner" });
    const help = button("Keys", { symbol: "keyboard", title: `All keys, to see and to change (${keys.of("help")})`, on: () => showHelp(board) });
    this.element = make("div", { cls: "bar" }, [
      make("div", { cls: "row" }, [this.tally, this.saving]),
      this.meter,
      this.who,
      this.warning,
      make("div", { cls: "row tools" }, [
        make("div", { cls: "group" }, [this.undo, this.redo, this.view, help]),
        make("div", { cls: "group" }, [advance, this.size, this.pageSize]),
        this.turner,
      ]),
    ]);
    this.actions = make("div", { cls: "actions", attrs: { role: "toolbar", "aria-label": "For the selected crops" } });
    this.actions.hidden = true;
    this.#buildActions();
  }

  show() {
    const { board } = this;
    const { selected, decided, today } = board.counts;
    const what = board.data.flaggedOnly ? "flagged" : "crops";
    const left = Math.max(0, selected - decided);
    this.tally.replaceChildren(
      make("b", { text: `${decided.toLocaleString("en")} of ${selected.toLocaleString("en")} ${what} decided` }),
      ` · ${left ? `${left.toLocaleString("en")} to go` : "all done"}`,
      make("span", { cls: "today", text: this.#sayToday(today) }),
    );
    this.meter.max = Math.max(1, selected);
    this.meter.value = decided;
    this.undo.disabled = !board.steps.canUndo;
    this.redo.disabled = !board.steps.canRedo;
    const { single } = board.choices;
    this.view.replaceChildren(icon(single ? "grid_view" : "crop_din"), make("span", { text: single ? "Grid" : "One at a time" }));
    this.view.title = `${single ? "Grid" : "One at a time"} (${board.keys.of("open")})`;
    this.size.value = board.choices.cardPx;
    this.size.hidden = this.pageSize.hidden = single;
    this.pageSize.value = String(board.pageSize);
    this.advance.checked = board.choices.advance;
    this.#showTurner();
    this.who.hidden = Boolean(board.data.reviewer);
    this.showSaving();
    this.showActions();
  }

  #sayToday(today) {
    if (!today) return "";
    const hours = (Date.now() - this.board.todayStart) / HOUR_MS;
    const rate = today >= 10 && hours > 0.02 ? `, ${Math.round(today / hours).toLocaleString("en")} an hour` : "";
    return ` · ${today.toLocaleString("en")} by you today${rate}`;
  }

  #showTurner() {
    const { board } = this;
    const { total } = board.rows;
    const first = board.choices.single ? board.cursor + 1 : board.pageStart + 1;
    const last = board.choices.single ? first : Math.min(total, board.pageStart + board.pageSize);
    const step = (by) => (board.choices.single ? board.step(by) : board.turnPage(by));
    const [back, on] = board.choices.single ? ["previous", "next"] : ["previousPage", "nextPage"];
    const before = button("", { symbol: "chevron_left", label: "Back", title: `Back (${board.keys.of(back)})`, on: () => step(-1) });
    const after = button("", { symbol: "chevron_right", label: "On", title: `On (${board.keys.of(on)})`, on: () => step(1) });
    before.disabled = first <= 1;
    after.disabled = last >= total;
    const where = make("input", {
      attrs: { type: "number", min: "1", max: String(total), value: String(board.cursor + 1), "aria-label": "Go to crop number" },
      on: { change: (event) => board.go(Math.max(1, Math.min(total, Number(event.target.value) || 1)) - 1, { focus: false }) },
    });
    const shown = first < last ? `${first.toLocaleString("en")} to ${last.toLocaleString("en")}` : first.toLocaleString("en");
    const range = `${shown} of ${total.toLocaleString("en")}`;
    this.turner.replaceChildren(make("span", { cls: "range", text: range }), before, where, after);
  }

  showSaving() {
    const { outbox } = this.board;
    this.saving.className = "saving";
    if (!outbox.waiting) {
      this.saving.replaceChildren(icon("cloud_done"), make("span", { text: "All saved" }));
    } else if (!outbox.failures) {
      this.saving.replaceChildren(icon("hourglass_top"), make("span", { text: `Saving ${outbox.waiting}` }));
    } else {
      this.saving.classList.add("failed");
      const where = outbox.kept ? "kept in this browser" : "kept on this page only, so leave it open";
      this.saving.replaceChildren(
        icon("error"),
        make("span", { text: `${count(outbox.waiting, "decision")} not saved yet, ${where}. ${outbox.problem}` }),
        button("Try now", { on: () => outbox.sendNow() }),
      );
    }
  }

  warn(text) {
    const close = button("", { symbol: "close", label: "Close", on: () => { this.warning.hidden = true; } });
    this.warning.replaceChildren(icon("error"), make("span", { text }), close);
    this.warning.hidden = false;
  }

  #buildActions() {
    const { board } = this;
    this.howMany = make("span", { cls: "how-many" });
    const act = (text, verdict, command) =>
      button(text, { cls: `act ${verdict}`, key: board.keys.of(command), on: () => board.decide(verdict) });
    this.actions.append(
      this.howMany,
      act("Anomaly", "anomaly", "accept"), act("Normal", "normal", "reject"), act("Unsure", "unsure", "unsure"),
      button("Species", { symbol: "edit", key: board.keys.of("species"), on: () => askSpecies(board) }),
      button("Note", { symbol: "sticky_note_2", key: board.keys.of("note"), on: () => askNote(board) }),
      button("Select none", { symbol: "close", key: "Esc", on: () => board.clearMarks() }),
    );
  }

  showActions() {
    const { marked, rows } = this.board;
    this.actions.hidden = !marked.size;
    if (!marked.size) return;
    const beside = [...marked].filter((crop) => !rows.places.has(crop)).length;
    const also = beside ? `, ${beside} of them not in this list` : "";
    this.howMany.textContent = `${count(marked.size, "crop")} selected${also}`;
  }
}
