// What each command of keys.js does on the board.
import { askNote, askSpecies, showHelp, showHistory } from "./view/dialogs.js";

const stepBy = (by) => (board, { extend }) => board.step(by, { extend });
const inSingle = (act) => (board) => (board.choices.single ? act(board) : board.choose({ single: true }));

export const DO = {
  accept: (board) => board.decide("anomaly"),
  reject: (board) => board.decide("normal"),
  unsure: (board) => board.decide("unsure"),
  species: askSpecies,
  note: askNote,
  undo: (board) => board.undo(),
  redo: (board) => board.redo(),
  next: stepBy(1),
  previous: stepBy(-1),
  down: (board, { extend }) => board.step(board.columns, { extend }),
  up: (board, { extend }) => board.step(-board.columns, { extend }),
  nextUndecided: (board) => board.goNextUndecided(),
  nextPage: (board) => board.turnPage(1),
  previousPage: (board) => board.turnPage(-1),
  mark: (board) => board.row && board.marks.toggle(board.row.crop),
  markAll: (board) => board.marks.toggleAll(board.cursor.pageRows()),
  markEvent: (board) => board.markEvent(),
  open: (board) => board.choose({ single: !board.choices.single }),
  context: (board) => board.choose(board.choices.single ? { photo: !board.choices.photo } : { single: true, photo: true }),
  zoom: inSingle((board) => board.single.toggleZoom()),
  alike: inSingle((board) => board.single.enlargeAlike()),
  history: (board) => board.row && showHistory(board, board.row),
  help: showHelp,
};
