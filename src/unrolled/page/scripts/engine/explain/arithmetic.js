// The arithmetic of one unit at one step, term by term, for whoever wants to check it by hand.

import { Refusal } from "../refusal.js";
import { UnitStep } from "./unit_step.js";
import { readSteps } from "./read_steps.js";

/** The document that a server would give. layer: a name; null: the first recurrent one. */
export function arithmeticOf(model, text, { step, unit, layer = null, direction = "forward" }) {
  const steps = readSteps(model, text);
  const { input, readings } = model.network.read(steps.read);
  const at = layerNumber(model.network.recurrent, layer);
  const chosen = model.network.recurrent[at];
  const scanAt = chosen.scans.findIndex((scan) => scan.direction === direction);
  if (scanAt < 0) {
    const known = chosen.scans.map((scan) => scan.direction).join(" and ");
    throw new Refusal(`layer "${chosen.name}" does not read "${direction}"; it reads ${known}`);
  }
  refuseOutside("step", step, steps.read.length);
  refuseOutside("unit", unit, chosen.units);
  const scan = chosen.scans[scanAt];
  const incoming = at === 0 ? input : readings[at - 1].steps;
  const own = new UnitStep(scan, readings[at].readings[scanAt], incoming, steps.tokens, step, unit);
  return {
    layer: chosen.name,
    kind: chosen.kind,
    direction,
    step,
    unit,
    token: steps.tokens[step],
    ...own.writtenOut(chosen.kind),
  };
}

function layerNumber(layers, name) {
  if (name === null) return 0;
  const at = layers.findIndex((layer) => layer.name === name);
  if (at >= 0) return at;
  const known = layers.map((layer) => layer.name).join(", ");
  throw new Refusal(`the model has no recurrent layer "${name}"; there are: ${known}`);
}

function refuseOutside(what, number, count) {
  if (Number.isInteger(number) && number >= 0 && number < count) return;
  throw new Refusal(`there is no ${what} ${number}: they go from 0 to ${count - 1}`);
}
