// Starts a component's board once for each place in the page.

// Streamlit leaves the focus in a field after Enter, and the keys that decide would be written into the name.
let isListening = false;
function leaveFieldsAfterEnter() {
  if (isListening) return;
  isListening = true;
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (event.key !== "Enter" || event.isComposing || !(field instanceof HTMLInputElement)) return;
    if (field.type === "text" && field.closest("[data-testid=stSidebar]")) setTimeout(() => field.blur(), 0);
  }, true);
}

// `make(component)` starts a board with `accepts(data)`, `renew(data)` and `end()`.
export function mountOnce(make) {
  const boards = new WeakMap();
  leaveFieldsAfterEnter();
  return function mount(component) {
    const { parentElement, data } = component;
    const kept = boards.get(parentElement);
    if (kept && kept.board.accepts(data)) {
      clearTimeout(kept.ending);
      kept.board.renew(data);
    } else {
      if (kept) kept.board.end();
      boards.set(parentElement, { board: make(component), ending: 0 });
    }
    return () => {
      // Streamlit may only be drawing this component again: end the board if it is not mounted anew at once.
      const one = boards.get(parentElement);
      if (!one) return;
      one.ending = setTimeout(() => {
        if (boards.get(parentElement) !== one) return;
        one.board.end();
        boards.delete(parentElement);
      }, 0);
    };
  };
}
