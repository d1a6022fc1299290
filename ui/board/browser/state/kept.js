// Values that this browser keeps from one visit to the next.

export function readKept(name) {
  try {
    return JSON.parse(localStorage.getItem(name)) ?? {};
  } catch {
    return {}; // the storage is forbidden, or another program wrote into it
  }
}

// Returns false where the storage is full or forbidden: the value then lasts for this visit only.
export function keep(name, value) {
  try {
    localStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
