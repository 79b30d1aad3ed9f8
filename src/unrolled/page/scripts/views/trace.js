// The reading step by step: the probability's curve, the words, and the hidden state below each.

import { drawChoice, drawCurve, drawLabels, drawStates, measureLabels } from "./drawing.js";
import { buildChoice, buildElement, fillChoice } from "./elements.js";
import { percentText, pointsText } from "./numbers.js";
import { Palette } from "./palette.js";
import { placeText, stateText } from "./steps.js";
import { TraceTable } from "./table.js";
import { Timeline } from "./timeline.js";

const TRACE_GUTTER = 46; // pixels of the numbers on the left
const CURVE_TOP = 8;
const CURVE_HEIGHT = 132;
const TRACE_GAP = 8;
const STATES_HEIGHT = 272; // wanted; a row has 2 to 20 pixels

export class TraceView {
  #steps = null;
  #frame = null;
  #chosen = { step: 0, unit: 0, layer: 0, direction: "forward" };
  #hovered = null;
  #isQueued = false;

  constructor({ onchoice }) {
    this.onchoice = onchoice;
    this.#build();
    this.palette = new Palette(this.element);
    new ResizeObserver(() => this.#queue()).observe(this.box);
  }

  #build() {
    this.caption = buildElement("p", { class: "caption" });
    this.readout = buildElement("p", { class: "readout" });
    this.layerChoice = buildChoice("Layer", [], "", (value) => this.#chooseLayer(value));
    this.canvas = buildElement("canvas", { "aria-hidden": "true" });
    this.film = buildElement("div", { class: "film" }, this.canvas);
    this.box = buildElement(
      "div",
      {
        class: "trace",
        role: "slider",
        tabindex: "0",
        "aria-label": "Step; up and down choose the unit",
        "aria-valuemin": "0",
        onscroll: () => this.#queue(),
        onkeydown: (event) => this.#pressed(event),
        onclick: (event) => this.#clicked(event),
        onpointermove: (event) => this.#hover(this.#hit(event)),
        onpointerleave: () => this.#hover(null),
      },
      this.film,
    );
    this.low = buildElement("span");
    this.high = buildElement("span");
    this.table = new TraceTable();
    this.element = buildElement(
      "section",
      { class: "card" },
      buildElement("h3", {}, "As it read"),
      this.caption,
      this.layerChoice,
      this.readout,
      this.box,
      buildElement(
        "p",
        { class: "legend" },
        "Hidden state ",
        this.low,
        buildElement("span", { class: "ramp", "aria-hidden": "true" }),
        this.high,
      ),
      buildElement(
        "p",
        { class: "caption" },
        "Above, the answer had the network stopped at that word. Below, one row for each unit: ",
        "the numbers that are all it remembers of what it has read.",
      ),
      this.table.element,
    );
  }

  show(steps, step) {
    const isFirst = this.#steps === null;
    this.#steps = steps;
    this.#chosen.step = step;
    this.#hovered = null;
    const { layers } = steps.explanation;
    const options = layers.flatMap((layer, index) =>
      layer.directions.map((direction) => [`${index} ${direction}`, layerText(layer, direction)]),
    );
    if (!options.some(([value]) => value === this.#layerValue)) {
      this.#chosen.layer = 0;
      this.#chosen.direction = "forward";
    }
    fillChoice(this.layerChoice.querySelector("select"), options, this.#layerValue);
    this.layerChoice.hidden = options.length < 2;
    this.#chosen.unit = Math.min(this.#chosen.unit, this.layer.units - 1);
    this.caption.textContent = curveText(steps);
    this.table.show(steps, this.layer, this.#chosen.direction);
    this.box.setAttribute("aria-valuemax", steps.count - 1);
    if (isFirst) this.box.scrollLeft = 0;
    this.#measure();
  }

  choose(step) {
    this.#chosen.step = step;
    this.#describe(step);
    this.#reveal(step);
    this.#queue();
  }

  // Choose another step or unit, as near to it as there is one.
  move(change) {
    if (!this.#steps) return;
    const inside = (value, count) => Math.max(0, Math.min(count - 1, value));
    if ("step" in change) change.step = inside(change.step, this.#steps.count);
    if ("unit" in change) change.unit = inside(change.unit, this.layer.units);
    this.#choose(change);
  }

  get chosen() {
    const { step, unit, direction } = this.#chosen;
    return { step, unit, direction, layer: this.layer.name };
  }

  get layer() {
    return this.#steps.explanation.layers[this.#chosen.layer];
  }

  // The theme has changed.
  repaint() {
    this.#measure();
  }

  get #layerValue() {
    return `${this.#chosen.layer} ${this.#chosen.direction}`;
  }

  get #states() {
    const { layer } = this;
    return this.#chosen.direction === "backward" ? layer.backward_states : layer.states;
  }

  #chooseLayer(value) {
    const [layer, direction] = value.split(" ");
    this.#choose({ layer: Number(layer), direction });
  }

  #choose(changes) {
    Object.assign(this.#chosen, changes);
    this.#chosen.unit = Math.min(this.#chosen.unit, this.layer.units - 1);
    this.table.show(this.#steps, this.layer, this.#chosen.direction);
    this.#measure();
    this.onchoice(this.chosen);
  }

  // Everything that depends on the steps, the layer or the width of the box.
  #measure() {
    const width = this.box.clientWidth;
    const steps = this.#steps;
    if (!steps || width === 0) return;
    this.palette.refresh();
    const timeline = new Timeline(steps, width - TRACE_GUTTER - 2);
    const labels = measureLabels(this.canvas.getContext("2d"), this.palette, timeline, steps);
    const { units } = this.layer;
    const row = Math.max(2, Math.min(20, Math.floor(STATES_HEIGHT / units)));
    const labelsTop = CURVE_TOP + CURVE_HEIGHT + TRACE_GAP;
    const statesTop = labelsTop + labels.height;
    const height = statesTop + units * row + TRACE_GAP;
    const largest = largestOf(this.#states);
    this.low.textContent = (-largest).toPrecision(2).replace("-", "−");
    this.high.textContent = `+${largest.toPrecision(2)}`;
    this.film.style.width = `${Math.max(width, TRACE_GUTTER + Math.ceil(timeline.width) + 2)}px`;
    this.film.style.height = `${height}px`;
    this.#frame = { timeline, labels, labelsTop, statesTop, row, units, largest, width, height };
    this.#describe(this.#hovered?.step ?? this.#chosen.step);
    this.#queue();
  }

  #queue() {
    if (this.#isQueued || !this.#steps) return;
    this.#isQueued = true;
    requestAnimationFrame(() => {
      this.#isQueued = false;
      if (this.#frame?.width !== this.box.clientWidth) this.#measure();
      if (this.#frame && this.box.clientWidth) this.#draw();
    });
  }

  #draw() {
    const { timeline, labels, labelsTop, statesTop, row, units, largest, width, height } = this.#frame;
    const context = this.#sizedContext(width, height);
    const scroll = this.box.scrollLeft;
    const [first, last] = [timeline.at(scroll), timeline.at(scroll + width - TRACE_GUTTER)];
    const { palette } = this;
    const steps = this.#steps;
    const frame = { context, palette, timeline, steps, gutter: TRACE_GUTTER, width, scroll, first, last };
    drawCurve(frame, CURVE_TOP, CURVE_HEIGHT);
    drawLabels(frame, labelsTop, labels, this.#chosen.step);
    drawStates(frame, statesTop, { states: this.#states, units, largest, row });
    const bottom = { top: 1, height: statesTop + units * row };
    if (this.#hovered && this.#hovered.step !== this.#chosen.step) {
      context.globalAlpha = 0.45;
      drawChoice(frame, this.#hovered.step, bottom);
      context.globalAlpha = 1;
    }
    const cell = { top: statesTop + this.#chosen.unit * row, row };
    drawChoice(frame, this.#chosen.step, { ...bottom, cell });
  }

  #sizedContext(width, height) {
    const density = window.devicePixelRatio || 1;
    const [across, down] = [Math.round(width * density), Math.round(height * density)];
    if (this.canvas.width !== across) this.canvas.width = across;
    if (this.canvas.height !== down) this.canvas.height = down;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const context = this.canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    return context;
  }

  // The step, and the unit when it is over the heat map, at the place of a pointer.
  #hit(event) {
    if (!this.#frame) return null;
    const { left, top } = this.canvas.getBoundingClientRect();
    const { timeline, statesTop, row, units } = this.#frame;
    const distance = event.clientX - left - TRACE_GUTTER + this.box.scrollLeft;
    const unit = Math.floor((event.clientY - top - statesTop) / row);
    if (distance < this.box.scrollLeft || distance > timeline.width) return null;
    return { step: timeline.at(distance), unit: unit >= 0 && unit < units ? unit : null };
  }

  #clicked(event) {
    const hit = this.#hit(event);
    if (hit) this.#choose({ step: hit.step, unit: hit.unit ?? this.#chosen.unit });
  }

  #hover(hit) {
    if (hit?.step === this.#hovered?.step && hit?.unit === this.#hovered?.unit) return;
    this.#hovered = hit;
    this.#describe(hit?.step ?? this.#chosen.step, hit?.unit ?? this.#chosen.unit);
    this.#queue();
  }

  #pressed(event) {
    const { step, unit } = this.#chosen;
    const last = this.#steps.count - 1;
    const change = {
      ArrowLeft: { step: step - 1 },
      ArrowRight: { step: step + 1 },
      PageUp: { step: step - 10 },
      PageDown: { step: step + 10 },
      Home: { step: 0 },
      End: { step: last },
      ArrowUp: { unit: unit - 1 },
      ArrowDown: { unit: unit + 1 },
    }[event.key];
    if (!change || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.move(change);
  }

  // Say a step in words: above the curve, and to a screen reader.
  #describe(step, unit = this.#chosen.unit) {
    const steps = this.#steps;
    const { explained } = steps.explanation;
    const text =
      `${placeText(steps, step)}: ${explained} ` +
      `${percentText(steps.probability(step), 1)} (${pointsText(steps.change(step))}); ` +
      stateText(this.layer, this.#chosen.direction, step, unit);
    this.readout.textContent = text;
    if (step !== this.#chosen.step) return;
    this.box.setAttribute("aria-valuenow", step);
    this.box.setAttribute("aria-valuetext", text);
  }

  #reveal(step) {
    if (!this.#frame || this.#frame.timeline.count !== this.#steps.count) return;
    const { timeline, width } = this.#frame;
    const seen = width - TRACE_GUTTER;
    const [left, right] = [timeline.start(step), timeline.start(step) + timeline.breadth(step)];
    if (left < this.box.scrollLeft) this.box.scrollLeft = Math.max(0, left - 40);
    else if (right > this.box.scrollLeft + seen) this.box.scrollLeft = right - seen + 40;
  }
}

function layerText(layer, direction) {
  const way = layer.directions.length > 1 ? `, ${direction}` : "";
  return `${layer.name}, ${layer.units} units${way}`;
}

function largestOf(states) {
  let most = 0.01;
  for (const row of states) for (const value of row) most = Math.max(most, Math.abs(value));
  return most;
}

// The curve in a sentence: where it starts and ends, and the words that moved it most.
function curveText(steps) {
  const { explained } = steps.explanation;
  const parts = [
    `The probability of ${explained} goes from ${percentText(steps.probability(-1))} before the ` +
      `first word to ${percentText(steps.probability(steps.count - 1))} after the last.`,
  ];
  const { rise, fall } = steps.turns();
  const moves = [rise, fall].filter(Boolean);
  const named = moves.map(({ step, change }) => `“${steps.name(step)}” (${pointsText(change)})`);
  if (named.length) parts.push(`It moves most at ${named.join(" and at ")}.`);
  return parts.join(" ");
}
