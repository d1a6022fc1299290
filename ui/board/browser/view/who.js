// Asks who is reviewing before the first decision, so that none is kept without a name.
import { button, make } from "./elements.js";

// Whether the board knows the name. If not, it asks, and does `then` when the page's script has taken the name.
export function knowsWho(board, then) {
  if (board.data.reviewer) return true;
  board.pending = then;
  askWho(board);
  return false;
}

// Does what waited for the name.
export function goOn(board) {
  const { pending } = board;
  board.pending = null;
  if (pending && board.data.reviewer) pending();
}

function askWho(board) {
  const field = make("input", { attrs: { type: "text", maxlength: "60", "aria-label": "Your name", autocomplete: "name", spellcheck: "false" } });
  let name = "";
  const take = () => {
    name = field.value.trim();
    if (!name) return;
    dialog.close();
    board.setTriggerValue("reviewer", name);
  };
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    take();
  });
  const dialog = make("dialog", { attrs: { "aria-label": "Who is reviewing?" } }, [
    make("header", {}, [make("h2", { text: "Who is reviewing?" })]),
    make("p", { cls: "said", text: "Your name is saved with each decision. This browser remembers it." }),
    field,
    make("footer", {}, [button("Cancel", { on: () => dialog.close() }), button("Save", { cls: "primary", on: take })]),
  ]);
  dialog.addEventListener("close", () => {
    if (!name) board.pending = null;
    dialog.remove();
  });
  board.root.append(dialog);
  dialog.showModal();
  field.focus();
}
