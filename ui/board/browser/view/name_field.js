// A field for a name, with the names that are offered for what is typed. Nothing is chosen until something is typed or an
// arrow key is pressed, so that Enter, pressed once too often, names nothing.
import { dropHidden } from "../state/outbox.js";
import { make } from "./elements.js";

const NONE = -1;
const LEFT_OUT = "Signs that nobody sees, such as marks that turn the order of letters, were left out.";
const ASK = "Type a name, or choose one with the arrow keys.";

export class NameField {
  // offer(typed) lists { name, note, help }; save(name, event) is called for the one that is chosen.
  constructor({ label, longest, offer, save, said = "" }) {
    Object.assign(this, { offer, save, names: [], at: NONE });
    this.input = make("input", {
      attrs: { type: "text", maxlength: String(longest), role: "combobox", "aria-expanded": "true", "aria-controls": "offered-names", "aria-autocomplete": "list", "aria-label": label, autocomplete: "off", spellcheck: "false", placeholder: "Type a name" },
    });
    this.list = make("ul", { cls: "names", attrs: { role: "listbox", id: "offered-names", "aria-label": label } });
    this.said = make("span", { cls: "said", text: said, attrs: { role: "status" } });
    this.input.addEventListener("input", () => this.#onInput());
    this.input.addEventListener("keydown", (event) => this.#onKey(event));
    this.show();
  }

  show() {
    const offered = this.offer(this.input.value);
    this.names = offered.map(({ name }) => name);
    this.at = Math.min(this.at, this.names.length - 1);
    this.list.replaceChildren(...offered.map(({ name, note, help }, n) => make("li", {
      cls: n === this.at ? "up" : "",
      attrs: { role: "option", id: `name-${n}`, "aria-selected": String(n === this.at) }, on: { click: (event) => this.choose(n, event) },
    }, [make("span", { text: name }), note && make("small", { cls: "said-by", text: note, title: help })])));
    this.input.setAttribute("aria-activedescendant", this.at === NONE ? "" : `name-${this.at}`);
  }

  choose(n, event) {
    if (this.names[n]) this.save(this.names[n], event);
    else {
      this.said.textContent = ASK;
      this.input.focus();
    }
  }

  #onInput() {
    const seen = dropHidden(this.input.value);
    if (seen !== this.input.value) {
      this.input.value = seen;
      this.said.textContent = LEFT_OUT;
    }
    this.at = seen.trim() ? 0 : NONE;
    this.show();
  }

  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const last = this.names.length - 1;
      if (event.key === "ArrowDown") this.at = this.at < last ? this.at + 1 : 0;
      else this.at = this.at > 0 ? this.at - 1 : last;
      this.show();
      event.preventDefault();
    } else if (event.key === "Enter") {
      this.choose(this.at, event);
      event.preventDefault();
    }
  }
}
