// Starts a component's board once for each place in the page.

// `make(component)` starts a board with `accepts(data)`, `renew(data)` and `end()`.
export function mountOnce(make) {
  const boards = new WeakMap();
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
