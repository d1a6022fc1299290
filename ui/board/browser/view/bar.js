// Above the crops: how far the review is, whether all is saved, how the crops are shown. Below: actions for the selected.
import { PAGE_SIZES } from "../state/choices.js";
import { askNote, askSpecies, showHelp } from "./dialogs.js";
import { button, count, icon, make } from "./elements.js";

const HOUR_MS = 3_600_000;
const WITHOUT_NAME = "You have not given your name yet. Give it in the bar on the left, and it is saved with each decision.";

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
    this.undo = button("Undo", { symbol: "undo", cls: "step", title: `Undo the last decision (${keys.of("undo")})`, on: () => board.undo() });
    this.redo = button("Redo", { symbol: "redo", cls: "step", title: `Redo the decision (${keys.of("redo")})`, on: () => board.redo() });
    this.view = button("", { on: () => board.choose({ single: !board.choices.single }) });
    this.size = make("input", {
      cls: "size", title: "Card size",
      attrs: { type: "range", min: "130", max: "480", step: "10", "aria-label": "Card size" },
      on: { input: () => board.choose({ cardPx: Number(this.size.value) }) },
    });
    this.pageSize = make("select", { attrs: { "aria-label": "Cards per page" }, on: { change: () => board.choose({ pageSize: Number(this.pageSize.value) }) } },
      PAGE_SIZES.map((n) => make("option", { text: `${n} per page`, attrs: { value: String(n) } })));
    this.advance = make("input", { attrs: { type: "checkbox" }, on: { change: () => board.choose({ advance: this.advance.checked }) } });
    const advance = make("label", { cls: "advance", title: "After a decision, go to the next undecided crop" }, [this.advance, make("span", { text: "Auto-advance" })]);
    this.turner = make("div", { cls: "turner" });
    const help = button("Keys", { symbol: "keyboard", title: `See and change the keys (${keys.of("help")})`, on: () => showHelp(board) });
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
    this.actions = make("div", { cls: "actions", attrs: { role: "toolbar", "aria-label": "Actions for the selected crops" } });
    this.actions.hidden = true;
    this.#buildActions();
  }

  show() {
    const { board } = this;
    const { selected, decided, today } = board.decisions.counts;
    const what = board.data.flaggedOnly ? "flagged" : "crops";
    const left = Math.max(0, selected - decided);
    this.tally.replaceChildren(
      make("b", { text: `${decided.toLocaleString("en")} of ${selected.toLocaleString("en")} ${what} decided` }),
      ` · ${left ? `${left.toLocaleString("en")} left` : "all done"}`,
      make("span", { cls: "today", text: this.#sayToday(today) }),
    );
    this.meter.max = Math.max(1, selected);
    this.meter.value = decided;
    this.undo.disabled = !board.decisions.steps.canUndo;
    this.redo.disabled = !board.decisions.steps.canRedo;
    const { single } = board.choices;
    this.view.replaceChildren(icon(single ? "grid_view" : "crop_din"), make("span", { text: single ? "Grid" : "One at a time" }));
    this.view.title = `${single ? "Grid" : "One at a time"} (${board.keys.of("open")})`;
    this.size.value = board.choices.cardPx;
    this.size.hidden = this.pageSize.hidden = single;
    this.pageSize.value = String(board.choices.pageSize);
    this.advance.checked = board.choices.advance;
    this.#showTurner();
    this.who.hidden = Boolean(board.data.reviewer);
    this.showSaving();
    this.showActions();
  }

  #sayToday(today) {
    if (!today) return "";
    const hours = (Date.now() - this.board.decisions.todayStart) / HOUR_MS;
    const rate = today >= 10 && hours > 0.02 ? `, ${Math.round(today / hours).toLocaleString("en")} an hour` : "";
    return ` · ${today.toLocaleString("en")} by you today${rate}`;
  }

  #showTurner() {
    const { board } = this;
    const { total } = board.rows;
    const [from, last] = board.cursor.shown;
    const first = from + 1;
    const step = (by) => (board.choices.single ? board.step(by) : board.turnPage(by));
    const [previous, next] = board.choices.single ? ["previous", "next"] : ["previousPage", "nextPage"];
    const before = button("", { symbol: "chevron_left", label: "Previous", title: `Previous (${board.keys.of(previous)})`, on: () => step(-1) });
    const after = button("", { symbol: "chevron_right", label: "Next", title: `Next (${board.keys.of(next)})`, on: () => step(1) });
    before.disabled = first <= 1;
    after.disabled = last >= total;
    const where = make("input", {
      attrs: { type: "number", min: "1", max: String(total), value: String(board.cursor.rank + 1), "aria-label": "Go to crop number" },
      on: { change: (event) => board.go(board.cursor.clamp((Number(event.target.value) || 1) - 1), { focus: false }) },
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
    } else if (!outbox.problem) {
      this.saving.replaceChildren(icon("hourglass_top"), make("span", { text: `Saving ${count(outbox.waiting, "decision")}` }));
    } else {
      this.saving.classList.add("failed");
      const where = outbox.kept ? "kept in this browser" : "kept on this page only, so do not close it";
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
      button("Deselect all", { symbol: "close", key: "Esc", on: () => board.marks.clear() }),
    );
  }

  showActions() {
    const { marks, rows } = this.board;
    this.actions.hidden = !marks.size;
    if (!marks.size) return;
    const beside = [...marks.crops].filter((crop) => !rows.ranks.has(crop)).length;
    const also = beside ? `, ${beside} of them not in this queue` : "";
    this.howMany.textContent = `${count(marks.size, "crop")} selected${also}`;
  }
}
