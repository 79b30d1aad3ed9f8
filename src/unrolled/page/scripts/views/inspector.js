// One unit at one step, worked out by hand: the weighted sums, and what becomes of them.

import { buildElement, buildLabelled } from "./elements.js";
import { plainNumber, signedNumber } from "./numbers.js";
import { placeText } from "./steps.js";
import { buildTerms } from "./terms.js";

const INSPECTOR_CAPTION =
  "A unit multiplies what it reads and what it remembers by learned weights, adds them up with a " +
  "bias, and squeezes the sum. Check it with a pocket calculator.";
const SUM_TITLES = {
  i: "input gate i: how much of the new goes in",
  f: "forget gate f: how much of the old is kept",
  o: "output gate o: how much of the cell is shown",
  g: "candidate g: what could be remembered",
  c: "cell c",
  u: "update gate u: how much of the old is kept",
  r: "reset gate r: how much of the old the candidate sees",
  h: "new state h",
};

export class InspectorView {
  #open = new Set(); // which lists of terms are unfolded, so that they stay so from step to step

  constructor({ onunit, onstep }) {
    this.unitChoice = buildElement("input", {
      type: "number",
      min: "0",
      step: "1",
      onchange: () => this.#unitChosen(onunit),
    });
    const previous = { type: "button", class: "quiet", onclick: () => onstep(-1) };
    const next = { type: "button", class: "quiet", onclick: () => onstep(1) };
    this.title = buildElement("h3", { tabindex: "-1" }, "One step by hand");
    this.where = buildElement("p", { class: "readout" });
    this.sums = buildElement("div", { class: "sums" });
    this.element = buildElement(
      "section",
      { class: "card inspector" },
      this.title,
      buildElement("p", { class: "caption" }, INSPECTOR_CAPTION),
      buildElement(
        "div",
        { class: "tools" },
        buildElement("button", previous, "← Previous step"),
        buildElement("button", next, "Next step →"),
        buildLabelled("Unit", this.unitChoice),
      ),
      this.where,
      this.sums,
      buildElement("p", { class: "caption" }, "Each number is rounded to four digits."),
    );
  }

  // Which step is asked for; its sums come by `show`.
  expect(steps, { step, unit }, units) {
    this.unitChoice.max = units - 1;
    this.unitChoice.value = unit;
    this.where.textContent = `${placeText(steps, step)}, unit ${unit}`;
    this.sums.setAttribute("aria-busy", "true");
  }

  show(arithmetic) {
    const { sums, combination, state_before: before, state_after: after } = arithmetic;
    this.where.textContent =
      `Step ${arithmetic.step}, “${arithmetic.token}”, unit ${arithmetic.unit} of ` +
      `${arithmetic.layer} (${arithmetic.kind}, ${arithmetic.direction}): ` +
      `${plainNumber(before)} before, ${plainNumber(after)} after`;
    this.sums.className = sums.every((sum) => !sum.recurrent.length) ? "sums short" : "sums";
    this.sums.replaceChildren(
      ...sums.map((sum) => this.#sum(sum, sums.length > 1)),
      ...(combination.length ? [buildCombination(combination)] : []),
    );
    this.sums.setAttribute("aria-busy", "false");
  }

  // The reading stands, and only this step could not be worked out.
  problem(title, detail) {
    this.where.textContent = [title, detail].filter(Boolean).join(": ");
    this.sums.replaceChildren();
    this.sums.setAttribute("aria-busy", "false");
  }

  focus() {
    this.title.focus({ preventScroll: true });
    this.title.scrollIntoView({ block: "nearest" });
  }

  #unitChosen(onunit) {
    const unit = Math.round(Number(this.unitChoice.value) || 0);
    onunit(unit);
  }

  #sum(sum, isGate) {
    const remember = (part) => ({
      isOpen: this.#open.has(`${sum.name} ${part}`),
      onopen: (open) => this.#open[open ? "add" : "delete"](`${sum.name} ${part}`),
    });
    return buildElement(
      "section",
      { class: "sum", "data-sum": sum.name },
      isGate ? buildElement("h4", {}, SUM_TITLES[sum.name] ?? sum.name) : null,
      buildEquation(sum),
      buildElement(
        "div",
        { class: "parts" },
        buildTerms("What it reads", "input", sum.input, sum.input_total, remember("input")),
        sum.recurrent.length
          ? buildTerms(
              "What it remembers",
              "recurrent",
              sum.recurrent,
              sum.recurrent_total,
              remember("recurrent"),
            )
          : null,
      ),
    );
  }
}

// The sum as tiles: input + recurrent + bias = total, activation(total) = result.
function buildEquation(sum) {
  const parts = [buildTile("input", sum.input_total, true)];
  if (sum.recurrent.length) parts.push("+", ...recurrentTiles(sum));
  parts.push("+", buildTile("bias", sum.bias, true), "=", buildTile("total", sum.total));
  parts.push("→", buildTile(`${sum.activation}(total)`, sum.result, false, "result"));
  const marked = parts.map((part) =>
    typeof part === "string" ? buildElement("span", { class: "sign" }, part) : part,
  );
  return buildElement("p", { class: "equation" }, ...marked);
}

function recurrentTiles(sum) {
  const { recurrent_total: total, recurrent_bias: bias, recurrent_scale: scale } = sum;
  const inside = [buildTile("recurrent", total, true)];
  if (bias !== null) inside.push("+", buildTile("recurrent bias", bias, true));
  return scale === null ? inside : [buildTile("reset gate", scale), "× (", ...inside, ")"];
}

function buildTile(name, value, isSigned = false, kind = "") {
  const side = isSigned ? (value < 0 ? "against" : "towards") : "";
  const text = isSigned ? signedNumber(value) : plainNumber(value);
  return buildElement(
    "span",
    { class: `tile ${side} ${kind}`, "data-part": name },
    buildElement("small", {}, name),
    " ",
    buildElement("b", {}, text),
  );
}

function buildCombination(combination) {
  const rows = combination.map(({ name, formula, value }) =>
    buildElement(
      "li",
      {},
      buildElement("b", {}, name),
      formula ? ` = ${formula} = ` : " = ",
      buildElement("b", {}, plainNumber(value)),
    ),
  );
  return buildElement(
    "section",
    { class: "sum" },
    buildElement("h4", {}, "Put together"),
    buildElement("ul", { class: "combination" }, ...rows),
  );
}
