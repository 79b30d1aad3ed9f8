// Where a text comes from: written, pasted, or an example; and which models read it.

import { buildChoice, buildElement, fillChoice } from "./elements.js";

const NO_MODEL = "";
const EXAMPLE_LENGTH = 48; // characters of an example that are seen before it is chosen

export class ComposerView {
  #models = [];

  // handlers: ontext(text, isTyped), onmodel(name), onbeside(name or "").
  constructor({ ontext, onmodel, onbeside }) {
    this.ontext = ontext;
    this.input = buildElement("textarea", {
      id: "text",
      rows: "3",
      spellcheck: "false",
      placeholder: "Type or paste a text…",
      oninput: () => ontext(this.input.value, true),
    });
    const clear = { type: "button", class: "quiet", onclick: () => this.use("") };
    this.examples = buildElement("ul", { class: "examples", "aria-label": "Examples" });
    this.modelChoice = buildChoice("Model", [], NO_MODEL, (name) => {
      onmodel(name);
      this.#fillBeside();
    });
    this.besideChoice = buildChoice("Beside it", [], NO_MODEL, onbeside);
    this.element = buildElement(
      "section",
      { class: "composer", "aria-label": "Text" },
      buildElement(
        "div",
        { class: "composer-head" },
        buildElement("label", { for: "text" }, "Your text"),
        this.modelChoice,
        this.besideChoice,
        buildElement("button", clear, "Clear"),
      ),
      this.input,
      this.examples,
    );
    this.offerModels([]);
  }

  get text() {
    return this.input.value;
  }

  // Whether nobody has written anything, nor is about to.
  get isUntouched() {
    return !this.input.value && document.activeElement !== this.input;
  }

  // Put a text there as if somebody had, and read it at once.
  use(text) {
    this.input.value = text;
    this.ontext(text, false);
    if (!text) this.input.focus();
  }

  offerModels(names) {
    this.#models = names;
    const isChoice = names.length > 1;
    this.modelChoice.hidden = this.besideChoice.hidden = !isChoice;
    if (!isChoice) return;
    fillChoice(this.#select(this.modelChoice), names.map((name) => [name, name]), names[0]);
    this.#fillBeside();
  }

  offerExamples(texts) {
    const buttons = texts.map((text) => {
      const isLong = text.length > EXAMPLE_LENGTH;
      const start = isLong ? `${text.slice(0, EXAMPLE_LENGTH).trimEnd()}…` : text;
      const chip = { type: "button", class: "chip", title: text, onclick: () => this.use(text) };
      return buildElement("li", {}, buildElement("button", { ...chip, dir: "auto" }, start));
    });
    this.examples.replaceChildren(...buttons);
    this.examples.hidden = buttons.length === 0;
  }

  // Any model but the one that reads already.
  #fillBeside() {
    const select = this.#select(this.besideChoice);
    const others = this.#models.filter((name) => name !== this.#select(this.modelChoice).value);
    const kept = others.includes(select.value) ? select.value : NO_MODEL;
    const options = [[NO_MODEL, "no other model"], ...others.map((name) => [name, name])];
    fillChoice(select, options, kept);
  }

  get beside() {
    return this.#select(this.besideChoice).value;
  }

  #select(choice) {
    return choice.querySelector("select");
  }
}
