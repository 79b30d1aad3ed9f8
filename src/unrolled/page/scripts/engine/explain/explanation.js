// What a model answers to a text, and how it came to it, word by word.

import { firstLargest } from "../decision.js";
import { Refusal } from "../refusal.js";
import { prepared } from "../text/sequences.js";
import { integratedGradients } from "./gradients.js";
import { readSteps } from "./read_steps.js";

/** The document that a server would give.
 *
 * label: the class that importance is about; null: the likeliest. importance: "deletion",
 * "gradients", both or neither. breathe: awaited between readings, so that a page stays awake.
 */
export async function explanationOf(model, text, { label = null, importance, breathe }) {
  const steps = readSteps(model, text);
  const probabilities = model.probabilities(steps.read);
  const explained = classNumber(model.classes, label, probabilities);
  const [before, ...after] = model.network
    .outputsAfterEach(steps.read)
    .map((outputs) => Array.from(model.decision.probabilities(outputs)));
  const wanted = (name) => importance.includes(name);
  return {
    classes: model.classes,
    multi_label: model.several,
    ...model.answer(probabilities, steps),
    explained: model.classes[explained],
    tokens: steps.tokens,
    kinds: steps.kinds,
    places: steps.places,
    before,
    after,
    deletion: wanted("deletion") ? await deletion(model, steps, explained, breathe) : null,
    gradients: wanted("gradients")
      ? await integratedGradients(model, steps.read, explained, breathe)
      : null,
    layers: layerStates(model, steps.read),
  };
}

function classNumber(classes, label, probabilities) {
  if (label === null) return firstLargest(probabilities);
  if (classes.includes(label)) return classes.indexOf(label);
  const known = classes.slice(0, 20).join(", ");
  throw new Refusal(`the model has no label "${label}"; there are: ${known}`);
}

/** What the class gains by each word: its probability, minus that of the text without the word. */
async function deletion(model, steps, explained, breathe) {
  const whole = model.probabilities(steps.read)[explained];
  const gains = [];
  for (const place of steps.places) {
    await breathe();
    if (place === null) {
      gains.push(null);
    } else {
      const without = steps.ids.filter((_, at) => at !== place);
      gains.push(whole - model.probabilities(prepared(without, model.text).ids)[explained]);
    }
  }
  return gains;
}

function layerStates(model, read) {
  const { readings } = model.network.read(read);
  return model.network.recurrent.map((layer, at) => {
    const [forward, backward] = readings[at].readings.map(({ states }) =>
      rowsOf(states, layer.units),
    );
    return {
      name: layer.name,
      kind: layer.kind,
      units: layer.units,
      directions: layer.scans.map((scan) => scan.direction),
      states: forward,
      backward_states: backward ?? null,
    };
  });
}

function rowsOf(values, size) {
  const count = values.length / size;
  return Array.from({ length: count }, (_, row) =>
    Array.from(values.subarray(row * size, (row + 1) * size)),
  );
}
