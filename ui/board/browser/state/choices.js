// How the reviewer likes to see the crops: grid or single view, sizes, and whether the board advances by itself.
import { keep, readKept } from "./kept.js";

const NAME = "anomalure.board";
const DEFAULTS = { single: false, cardPx: 200, pageSize: 24, advance: true, photo: true };
export const PAGE_SIZES = [12, 24, 48, 96];

export function readChoices() {
  const choices = { ...DEFAULTS, ...readKept(NAME) };
  if (!PAGE_SIZES.includes(choices.pageSize)) choices.pageSize = DEFAULTS.pageSize;
  return choices;
}

export const keepChoices = (choices) => keep(NAME, choices);
