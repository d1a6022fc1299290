// What a crop looks like, by a classifier's file, which is named, or by the encoder's own classes: always called a guess.

export const GUESS_HELP = "A guess by a network that knows 1,000 everyday classes, 398 of them animals. It knows neither your species nor your camera.";

const CLASSIFIER_HELP = "What the classifier in this run's file of classifications says. Nobody has decided it.";

// What a guess is worth, for a tooltip.
export function explainGuess({ source = "" } = {}) {
  return source ? CLASSIFIER_HELP : GUESS_HELP;
}

// "62%" of the encoder's guesses, and "SpeciesNet 0.91" of a classifier's names.
export function sayShare(share, source = "") {
  return source ? `${source} ${share.toFixed(2)}` : `${Math.round(100 * share)}%`;
}

// "Looks like (a guess): red fox 62%, coyote 11%", or "SpeciesNet: red fox 0.91, coyote 0.05"; empty if guesses are off or there are none.
export function sayGuesses({ guesses: areShown }, { guesses = [] }) {
  if (!areShown || !guesses.length) return "";
  const { source } = guesses[0];
  if (source) return `${source}: ${guesses.map(({ name, share }) => `${name} ${share.toFixed(2)}`).join(", ")}`;
  return `Looks like (a guess): ${guesses.map(({ name, share }) => `${name} ${sayShare(share)}`).join(", ")}`;
}

// The animals that these crops look like, the likeliest first: each name's mean share over the crops.
export function joinGuesses({ guesses: areShown }, rows, most = 3) {
  if (!areShown) return [];
  const sums = new Map();
  const sources = new Map();
  for (const { guesses = [] } of rows) {
    for (const { name, share, isSpecies, source } of guesses) {
      if (!isSpecies) continue;
      sums.set(name, (sums.get(name) || 0) + share);
      if (source) sources.set(name, source);
    }
  }
  const sorted = [...sums].sort((a, b) => b[1] - a[1]).slice(0, most);
  return sorted.map(([name, sum]) => ({ name, share: sum / rows.length, ...(sources.has(name) ? { source: sources.get(name) } : {}) }));
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
  const known = [...exact, ...begin, ...within].slice(0, most).map(({ name, share, source }) => ({ name, share, ...(source ? { source } : {}) }));
  return begin.length || exact.length ? [...known, ...isNew] : [...isNew, ...known];
}
