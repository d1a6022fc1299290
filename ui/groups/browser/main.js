// Starts the Groups page's cards for the component in ui/groups/board.py, once for each place in the page.
import { GroupsBoard } from "./groups_board.js";

const boards = new WeakMap();

export function mount(component) {
  const { parentElement, data } = component;
  const kept = boards.get(parentElement);
  if (kept && kept.board.accepts(data)) {
    clearTimeout(kept.ending);
    kept.board.renew(data);
  } else {
    if (kept) kept.board.end();
    boards.set(parentElement, { board: new GroupsBoard(component), ending: 0 });
  }
  return () => {
    // Streamlit may only be drawing this component again: end it if it is not mounted anew at once.
    const one = boards.get(parentElement);
    if (!one) return;
    one.ending = setTimeout(() => {
      if (boards.get(parentElement) !== one) return;
      one.board.end();
      boards.delete(parentElement);
    }, 0);
  };
}
