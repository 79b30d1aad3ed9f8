// The answer to a text: the label, how sure, every class, and what was not read.

import { buildElement, buildHidden } from "./elements.js";
import { percentText } from "./numbers.js";

export class AnswerView {
  #bars = new Map();
  #wait = null;

  constructor() {
    this.label = buildElement("span", { class: "label", dir: "auto" });
    this.sure = buildElement("span", { class: "sure" });
    this.said = buildHidden("p", { role: "status" });
    this.bars = buildElement("dl", { class: "bars" });
    this.note = buildElement("p", { class: "caption" });
    this.element = buildElement(
      "section",
      { class: "card answer" },
      buildElement("h3", { class: "unseen" }, "Answer"),
      buildElement("p", { class: "verdict" }, this.label, " ", this.sure),
      this.bars,
      this.note,
      this.said,
    );
  }

  show(explanation, modelName) {
    const label = labelText(explanation.label);
    const sure = percentText(explanation.probability, 1);
    this.label.textContent = label;
    this.sure.textContent = sure;
    this.#showBars(explanation);
    this.note.textContent = readText(explanation);
    this.#say(`${modelName}: ${label}, ${sure}`);
  }

  clear() {
    this.#say("");
  }

  #showBars({ classes, probabilities, label }) {
    if ([...this.#bars.keys()].join("\n") !== classes.join("\n")) this.#build(classes);
    const chosen = Array.isArray(label) ? label : [label];
    for (const [name, { row, value, bar }] of this.#bars) {
      value.textContent = percentText(probabilities[name], 1);
      bar.style.setProperty("--share", probabilities[name].toFixed(4));
      row.className = chosen.includes(name) ? "chosen" : "";
    }
  }

  #build(classes) {
    this.#bars.clear();
    this.bars.replaceChildren();
    for (const name of classes) {
      const value = buildElement("span", { class: "number" });
      const bar = buildElement("span", { class: "bar", "aria-hidden": "true" });
      const track = buildElement("span", { class: "track", "aria-hidden": "true" }, bar);
      const term = buildElement("dt", { dir: "auto" }, name);
      const row = buildElement("div", {}, term, buildElement("dd", {}, track, value));
      this.bars.append(row);
      this.#bars.set(name, { row, value, bar });
    }
  }

  // Said once typing rests: a screen reader need not hear every letter's answer.
  #say(text) {
    clearTimeout(this.#wait);
    if (text) this.#wait = setTimeout(() => (this.said.textContent = text), 600);
    else this.said.textContent = "";
  }
}

function labelText(label) {
  if (label === null) return "undecided";
  if (Array.isArray(label)) return label.length ? label.join(", ") : "no label";
  return label;
}

function readText({ unknown_share: unknown, was_cut: wasCut }) {
  const known = unknown
    ? `${percentText(unknown)} of its words are not in the vocabulary; all of these look the same to it.`
    : "It knows every word of this text.";
  return wasCut ? `${known} The text is longer than it reads, so that it was cut.` : known;
}
