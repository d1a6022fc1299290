// Starts the Groups page's cards for the component in ui/groups/board.py.
import { mountOnce } from "../../board/browser/mounting.js";
import { GroupsBoard } from "./groups_board.js";

export const mount = mountOnce((component) => new GroupsBoard(component));
