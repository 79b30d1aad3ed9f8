// How the model learned: loss and accuracy, epoch by epoch, on texts it learned from and on others.

import { buildElement, buildShape } from "./elements.js";
import { plainNumber } from "./numbers.js";

const [PLOT_WIDTH, PLOT_HEIGHT] = [300, 180];
const PLOT_EDGE = { left: 46, right: 12, top: 12, bottom: 30 };

// null when the model has no history.
export function buildTraining(model) {
  const { history = {}, best_epoch: best } = model;
  const plots = [
    ["loss", "Loss"],
    ["accuracy", "Accuracy"],
  ].filter(([name]) => history[name]?.length);
  if (!plots.length) return null;
  return buildElement(
    "section",
    { class: "card training" },
    buildElement("h3", {}, "How it learned"),
    buildElement(
      "p",
      { class: "caption" },
      "When the solid line (texts it does not learn from) stops getting better while the dashed one ",
      "(texts it learns from) goes on, it begins to learn by heart: the best epoch is kept.",
    ),
    buildElement("div", { class: "plots" }, ...plots.map((plot) => buildPlot(plot, history, best))),
  );
}

function buildPlot([name, title], history, best) {
  const training = history[name];
  const validation = history[`val_${name}`] ?? [];
  const values = [...training, ...validation].filter(Number.isFinite);
  const scale = plotScale(training.length, Math.min(...values), Math.max(...values));
  const summary = plotSummary(title, training, validation, best);
  const picture = buildShape(
    "svg",
    { viewBox: `0 0 ${PLOT_WIDTH} ${PLOT_HEIGHT}`, role: "img", "aria-label": summary },
    ...gridLines(scale, best),
    ...bestMark(scale, best, validation),
    buildShape("path", { class: "line training", d: linePath(training, scale) }),
    buildShape("path", { class: "line validation", d: linePath(validation, scale) }),
  );
  const caption = buildElement("figcaption", {}, buildElement("b", {}, title), ` ${summary}`);
  return buildElement("figure", {}, picture, caption);
}

function plotScale(epochs, low, high) {
  const span = high - low || 1;
  const { left, right, top, bottom } = PLOT_EDGE;
  return {
    epochs,
    low,
    high: low + span,
    x: (epoch) => left + ((PLOT_WIDTH - left - right) * (epoch - 1)) / Math.max(1, epochs - 1),
    y: (value) => PLOT_HEIGHT - bottom - ((PLOT_HEIGHT - top - bottom) * (value - low)) / span,
  };
}

function gridLines({ epochs, low, high, x, y }, best) {
  const right = PLOT_WIDTH - PLOT_EDGE.right;
  const levels = [low, (low + high) / 2, high].flatMap((level) => [
    buildShape("path", { class: "grid", d: `M${PLOT_EDGE.left} ${y(level)}H${right}` }),
    buildShape(
      "text",
      { x: PLOT_EDGE.left - 6, y: y(level) + 4, "text-anchor": "end" },
      plainNumber(level, 2),
    ),
  ]);
  const bottom = PLOT_HEIGHT - 8;
  const isApart = (epoch) => epoch !== best && Math.abs(x(epoch) - x(best)) > 50;
  const ends = [...new Set([1, epochs])].filter((epoch) => !best || isApart(epoch)).map((epoch) =>
    buildShape(
      "text",
      { x: x(epoch), y: bottom, "text-anchor": epoch === 1 ? "start" : "end" },
      epoch === 1 ? "epoch 1" : String(epoch),
    ),
  );
  return [...levels, ...ends];
}

function bestMark({ x, y }, best, validation) {
  const value = validation[best - 1];
  if (!Number.isFinite(value)) return [];
  const [across, top] = [x(best), PLOT_EDGE.top];
  return [
    buildShape("path", { class: "best", d: `M${across} ${top}V${PLOT_HEIGHT - PLOT_EDGE.bottom}` }),
    buildShape("circle", { class: "best", cx: across, cy: y(value), r: 4 }),
    buildShape(
      "text",
      { x: Math.min(across, PLOT_WIDTH - 32), y: PLOT_HEIGHT - 8, "text-anchor": "middle" },
      `best ${best}`,
    ),
  ];
}

function linePath(values, { x, y }) {
  return values.map((value, place) => `${place ? "L" : "M"}${x(place + 1)} ${y(value)}`).join("");
}

function plotSummary(title, training, validation, best) {
  const last = training.length;
  const text = `${plainNumber(training[0], 3)} in epoch 1, ${plainNumber(training[last - 1], 3)} in epoch ${last}`;
  const value = validation[best - 1];
  if (!Number.isFinite(value)) return text;
  return `${text}; ${plainNumber(value, 3)} on other texts in the best epoch, ${best}`;
}
