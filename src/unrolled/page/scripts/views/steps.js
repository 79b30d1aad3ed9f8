// An explanation as the views see it: its steps, runs of padding, and what is said of a step.

import { plainNumber } from "./numbers.js";

const FOLD_FROM = 5; // a shorter run of padding is shown step by step

export class Steps {
  constructor(explanation) {
    this.explanation = explanation;
    this.count = explanation.tokens.length;
    this.classIndex = Math.max(0, explanation.classes.indexOf(explanation.explained));
    this.runs = paddingRuns(explanation.kinds);
  }

  get isEmpty() {
    return !this.explanation.kinds.some((kind) => kind === "word" || kind === "unknown");
  }

  // The explained class's probability after a step; of step -1, before any.
  probability(step) {
    const { before, after } = this.explanation;
    return (step < 0 ? before : after[step])[this.classIndex];
  }

  change(step) {
    return this.probability(step) - this.probability(step - 1);
  }

  name(step) {
    const { tokens, kinds } = this.explanation;
    if (kinds[step] === "padding") return "[padding]";
    if (kinds[step] === "start") return "[start]";
    return tokens[step].trim() === "" ? "␣" : tokens[step];
  }

  importance(method, step) {
    return this.explanation[method]?.[step] ?? null;
  }

  // The largest |importance|; a floor keeps a text without any from being painted in full colour.
  largest(method) {
    const values = this.explanation[method] ?? [];
    return values.reduce((most, value) => Math.max(most, Math.abs(value ?? 0)), 0.005);
  }

  // The run of padding that a step lies in, folded to one: {from, to} with `to` not in it, or null.
  runOf(step) {
    return this.runs.find((run) => step >= run.from && step < run.to) ?? null;
  }

  // The step that reads the same word of the same text as `step` of other steps, or null.
  sameAs(other, step) {
    const place = other.explanation.places[step];
    if (place === null || place === undefined) return null;
    const found = this.explanation.places.indexOf(place);
    return found >= 0 && this.name(found) === other.name(step) ? found : null;
  }

  // The steps with the largest rise and the largest fall, for a sentence about the curve.
  turns() {
    let rise = null;
    let fall = null;
    for (let step = 0; step < this.count; step += 1) {
      const change = this.change(step);
      if (change > (rise ? this.change(rise.step) : 0)) rise = { step, change };
      if (change < (fall ? this.change(fall.step) : 0)) fall = { step, change };
    }
    return { rise, fall };
  }
}

// Steps are counted from 0, as `unrolled explain` and the server do.
export function placeText(steps, step) {
  return `Step ${step} (0 to ${steps.count - 1}), “${steps.name(step)}”`;
}

export function stateOf(layer, direction, step, unit) {
  const states = direction === "backward" ? layer.backward_states : layer.states;
  return states[step][unit];
}

export function stateText(layer, direction, step, unit) {
  return `unit ${unit} = ${plainNumber(stateOf(layer, direction, step, unit), 3)}`;
}

function paddingRuns(kinds) {
  const runs = [];
  let from = 0;
  for (let step = 0; step <= kinds.length; step += 1) {
    if (kinds[step] === "padding") continue;
    if (step - from >= FOLD_FROM) runs.push({ from, to: step });
    from = step + 1;
  }
  return runs;
}
