// Starts the review board for the component in ui/review/board.py.
import { Board } from "./board.js";
import { mountOnce } from "./mounting.js";

export const mount = mountOnce((component) => new Board(component));
