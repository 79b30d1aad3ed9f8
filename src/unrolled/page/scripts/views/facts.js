// What a model is: its facts at a glance, its layers, and its card.

import { buildCard } from "./card.js";
import { buildElement } from "./elements.js";
import { countText, percentText } from "./numbers.js";

export function buildFacts(model) {
  return buildElement(
    "section",
    { class: "card" },
    buildElement("h3", {}, "What it is"),
    buildElement("dl", { class: "facts" }, ...factsOf(model).map(factRow)),
    buildLayers(model),
    model.card
      ? buildElement(
          "details",
          {},
          buildElement("summary", {}, "Model card"),
          buildElement("div", { class: "model-card" }, ...buildCard(model.card)),
        )
      : null,
  );
}

function factsOf(model) {
  const { metrics = {}, recipe = {} } = model;
  const accuracy = metrics.val_accuracy;
  return [
    ["Labels", model.labels.join(", ")],
    ["Parameters", countText(model.parameters)],
    ["Accuracy on texts held back", Number.isFinite(accuracy) ? percentText(accuracy, 1) : null],
    ["Learned from", metrics.train_count ? countText(metrics.train_count, "text") : null],
    ["Best epoch", model.best_epoch ? String(model.best_epoch) : null],
    ["Recipe", recipe.name],
    ["Vocabulary", recipe.text?.num_words ? `${countText(recipe.text.num_words)} at most` : null],
    ["Reads at most", recipe.text?.maxlen ? countText(recipe.text.maxlen, "step") : null],
    ["Hash", model.hash ? model.hash.slice(0, 12) : null],
    ["unrolled", model.library_version],
  ].filter(([, value]) => value);
}

function factRow([name, value]) {
  return buildElement(
    "div",
    {},
    buildElement("dt", {}, name),
    buildElement("dd", { dir: "auto" }, value),
  );
}

function buildLayers({ layers = [] }) {
  const head = ["Layer", "Output", "Parameters"].map((text) =>
    buildElement("th", { scope: "col" }, text),
  );
  const rows = layers.map((layer) =>
    buildElement(
      "tr",
      {},
      buildElement("th", { scope: "row" }, `${layer.name} (${layer.kind})`),
      buildElement("td", {}, String(layer.output_shape)),
      buildElement("td", { class: "number" }, countText(layer.parameters)),
    ),
  );
  const box = { class: "scroll", tabindex: "0", role: "region", "aria-label": "Layers" };
  return buildElement(
    "div",
    box,
    buildElement(
      "table",
      {},
      buildElement("thead", {}, buildElement("tr", {}, ...head)),
      buildElement("tbody", {}, ...rows),
    ),
  );
}
