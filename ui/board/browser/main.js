// The review board: started by the component in ui/review/board.py, once for each place in the page.
import { Board } from "./board.js";

const boards = new WeakMap();

export function mount(component) {
  const { parentElement, data } = component;
  const kept = boards.get(parentElement);
  if (kept && kept.board.accepts(data)) {
    clearTimeout(kept.ending);
    kept.board.renew(component);
  } else {
    if (kept) kept.board.end();
    boards.set(parentElement, { board: new Board(component), ending: 0 });
  }
  return () => {
    // The page may only be drawing this component again: end the board if nobody came back.
    const one = boards.get(parentElement);
    if (!one) return;
    one.ending = setTimeout(() => {
      if (boards.get(parentElement) !== one) return;
      one.board.end();
      boards.delete(parentElement);
    }, 0);
  };
}
