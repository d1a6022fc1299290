// Makes an element. Names come from foreign files, so they are only ever set as text, never as markup.

export function element(tag, name, properties = {}) {
  const made = document.createElement(tag);
  made.className = name;
  Object.assign(made, properties);
  return made;
}
