// What a crop looks like, by the encoder's own classes: always called a guess.

export const GUESS_HELP = "A guess by a network that knows 1,000 everyday classes, 398 of them animals. It knows neither your species nor your camera.";

export function sayShare(share) {
  return `${Math.round(100 * share)}%`;
}

// "Looks like (a guess): red fox 62%, coyote 11%"; empty if guesses are off or there are none.
export function sayGuesses({ guesses: areShown }, { guesses = [] }) {
  if (!areShown || !guesses.length) return "";
  return `Looks like (a guess): ${guesses.map(({ name, share }) => `${name} ${sayShare(share)}`).join(", ")}`;
}

// The animals that these crops look like, the likeliest first: each name's mean share over the crops.
export function joinGuesses({ guesses: areShown }, rows, most = 3) {
  if (!areShown) return [];
  const sums = new Map();
  for (const { guesses = [] } of rows) {
    for (const { name, share, isSpecies } of guesses) if (isSpecies) sums.set(name, (sums.get(name) || 0) + share);
  }
  return [...sums].sort((a, b) => b[1] - a[1]).slice(0, most).map(([name, sum]) => ({ name, share: sum / rows.length }));
}

// What the type-ahead offers for a typed text: the name that is typed, then names that begin with the text, then those that
// contain it; each time the guesses first. A name that is also guessed is offered once.
export function offerNames({ typed, species, guesses, most = 8 }) {
  const text = typed.trim().toLowerCase();
  const others = species.filter((name) => !guesses.some((one) => one.name.toLowerCase() === name.toLowerCase()));
  const all = [...guesses, ...others.map((name) => ({ name }))].map((one) => ({ ...one, at: one.name.toLowerCase().indexOf(text) }));
  const exact = all.filter(({ name }) => name.toLowerCase() === text);
  const begin = all.filter((one) => one.at === 0 && !exact.includes(one));
  const within = all.filter((one) => one.at > 0);
  const isNew = text && !exact.length ? [{ name: typed.trim(), isNew: true }] : [];
  // The first is what Enter takes: a name that was begun, but never one that only contains what was typed.
  const known = [...exact, ...begin, ...within].slice(0, most).map(({ name, share }) => ({ name, share }));
  return begin.length || exact.length ? [...known, ...isNew] : [...isNew, ...known];
}
