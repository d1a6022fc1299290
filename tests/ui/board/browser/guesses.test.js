import assert from "node:assert/strict";
import { test } from "node:test";
import { joinGuesses, offerNames, sayGuesses } from "../../../../ui/board/browser/view/guesses.js";

const FOX = { name: "red fox", share: 0.62, isSpecies: true };
const COYOTE = { name: "coyote", share: 0.11, isSpecies: true };
const NOTHING = { name: "no animal", share: 0.2, isSpecies: false };
const ON = { guesses: true }, OFF = { guesses: false };
const names = (offered) => offered.map(({ name }) => name);

test("a card says that it is a guess", () => {
  assert.equal(sayGuesses(ON, { guesses: [FOX, COYOTE] }), "Looks like (a guess): red fox 62%, coyote 11%");
});

test("nothing is said without guesses, or when they are turned off", () => {
  assert.equal(sayGuesses(ON, { guesses: [] }), "");
  assert.equal(sayGuesses(ON, {}), "");
  assert.equal(sayGuesses(OFF, { guesses: [FOX] }), "");
});

test("several selected crops have the guesses that they have on average, and no animal is no species", () => {
  const joined = joinGuesses(ON, [{ guesses: [FOX, NOTHING] }, { guesses: [COYOTE, FOX] }, {}]);
  assert.deepEqual(names(joined), ["red fox", "coyote"]);
  assert.ok(Math.abs(joined[0].share - 1.24 / 3) < 1e-9);
  assert.deepEqual(joinGuesses(OFF, [{ guesses: [FOX] }]), []);
});

test("before anything is typed the guesses come first, then the species of the project", () => {
  const offered = offerNames({ typed: "", species: ["badger", "red fox"], guesses: [FOX, COYOTE] });
  assert.deepEqual(names(offered), ["red fox", "coyote", "badger"]);
  assert.equal(offered[0].share, 0.62);
  assert.equal(offered[2].share, undefined);
});

test("the name that is typed comes before a guess that only contains it", () => {
  assert.deepEqual(names(offerNames({ typed: "Fox", species: ["fox", "foxhound"], guesses: [FOX] })), ["fox", "foxhound", "red fox"]);
});

test("a name that only contains what was typed does not come before it", () => {
  assert.deepEqual(names(offerNames({ typed: "dog", species: ["raccoon dog"], guesses: [] })), ["dog", "raccoon dog"]);
  assert.deepEqual(names(offerNames({ typed: "rac", species: ["raccoon dog"], guesses: [] })), ["raccoon dog", "rac"]);
});

test("a name that nobody knows is offered as new, and a guess is not", () => {
  const offered = offerNames({ typed: "okapi", species: ["badger"], guesses: [FOX] });
  assert.deepEqual(offered, [{ name: "okapi", isNew: true }]);
  assert.deepEqual(offerNames({ typed: "red fox", species: [], guesses: [FOX] }), [{ name: "red fox", share: 0.62 }]);
});

test("a species that is guessed in other capitals is offered once", () => {
  assert.deepEqual(names(offerNames({ typed: "", species: ["Red Fox"], guesses: [FOX] })), ["red fox"]);
});
