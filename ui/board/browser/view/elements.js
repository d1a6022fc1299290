// Makes elements. Names and notes come from foreign files, so text is only ever set as text, never as markup.

export function make(tag, { cls = "", text = "", title = "", on = {}, attrs = {}, data = {} } = {}, children = []) {
  const element = document.createElement(tag);
  if (cls) element.className = cls;
  if (text !== "") element.textContent = text;
  if (title) element.title = title;
  for (const [name, value] of Object.entries(attrs)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const [name, value] of Object.entries(data)) element.dataset[name] = value;
  for (const [name, handler] of Object.entries(on)) element.addEventListener(name, handler);
  for (const child of children) if (child) element.append(child);
  return element;
}

export function icon(name) {
  return make("span", { cls: "icon", text: name, attrs: { "aria-hidden": "true" } });
}

export function button(text, { symbol = "", cls = "", title = "", key = "", on = () => {}, label = "", data = {} } = {}) {
  const children = [symbol && icon(symbol), text && make("span", { text }), key && make("kbd", { text: key })];
  return make(
    "button",
    { cls, title, on: { click: on }, attrs: { type: "button", "aria-label": label || null }, data },
    children,
  );
}

export const WORDS = { anomaly: "Anomaly", normal: "Normal", unsure: "Unsure", "": "Undecided" };

export function count(n, noun, plural = `${noun}s`) {
  return `${n.toLocaleString("en")} ${n === 1 ? noun : plural}`;
}
