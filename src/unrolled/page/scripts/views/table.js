// The trace as a table: the same numbers for those who would rather read them than look.

import { buildElement } from "./elements.js";
import { percentText, plainNumber, signedNumber } from "./numbers.js";

const TABLE_ROWS = 100;
const TABLE_UNITS = 16;

export class TraceTable {
  #content = null; // {steps, layer, direction}
  #rows = 0;

  constructor() {
    this.body = buildElement("tbody");
    this.head = buildElement("tr");
    this.more = buildElement(
      "button",
      { type: "button", class: "quiet", onclick: () => this.#add() },
      `Show ${TABLE_ROWS} more steps`,
    );
    const table = buildElement("table", {}, buildElement("thead", {}, this.head), this.body);
    const box = { class: "scroll", tabindex: "0", role: "region", "aria-label": "Steps as a table" };
    this.element = buildElement(
      "details",
      { ontoggle: () => this.#fill() },
      buildElement("summary", {}, "The same as a table"),
      buildElement("div", box, table),
      this.more,
    );
  }

  show(steps, layer, direction) {
    this.#content = { steps, layer, direction };
    this.#fill();
  }

  // Nothing is made before somebody opens it.
  #fill() {
    this.body.replaceChildren();
    this.#rows = 0;
    if (!this.element.open || !this.#content) return;
    const { steps, layer } = this.#content;
    const titles = ["Step", "Word", `P(${steps.explanation.explained})`, "Deletion", "Gradients"];
    const units = Array.from({ length: this.#units(layer) }, (_, unit) => `Unit ${unit}`);
    this.head.replaceChildren(
      ...[...titles, ...units].map((title) => buildElement("th", { scope: "col" }, title)),
    );
    this.#add();
  }

  #units(layer) {
    return Math.min(TABLE_UNITS, layer.units);
  }

  #add() {
    const { steps } = this.#content;
    const end = Math.min(steps.count, this.#rows + TABLE_ROWS);
    for (let step = this.#rows; step < end; step += 1) this.body.append(this.#row(step));
    this.#rows = end;
    this.more.hidden = end === steps.count;
  }

  #row(step) {
    const { steps, layer, direction } = this.#content;
    const states = direction === "backward" ? layer.backward_states : layer.states;
    const importance = (method) => {
      const value = steps.importance(method, step);
      return value === null ? "" : signedNumber(value);
    };
    const cells = [
      percentText(steps.probability(step), 1),
      importance("deletion"),
      importance("gradients"),
      ...states[step].slice(0, this.#units(layer)).map((value) => plainNumber(value, 3)),
    ];
    return buildElement(
      "tr",
      {},
      buildElement("td", {}, String(step)),
      buildElement("th", { scope: "row", dir: "auto" }, steps.name(step)),
      ...cells.map((text) => buildElement("td", {}, text)),
    );
  }
}
