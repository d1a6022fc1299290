// Where pictures and answers come from. Ids are escaped, so that a name cannot change the address.

export const cropPicture = (run, crop) => `/crops/${crop}.jpg?run=${encodeURIComponent(run)}`;

export const photoPicture = (run, photo, width = 1600) =>
  `/photos/${encodeURIComponent(run)}/${photo}?width=${width}`;

export async function ask(path, { headers = {} } = {}) {
  const answer = await fetch(path, { headers, credentials: "same-origin" });
  const values = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(values.error || `The dashboard answered with ${answer.status}.`);
  return values;
}

export const runPath = (run, rest) => `/api/runs/${encodeURIComponent(run)}/${rest}`;
