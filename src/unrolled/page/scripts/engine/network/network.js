// A network on its way through one text: word vectors, recurrent layers, one vector, the decision.

import { Dense } from "./dense.js";
import { pooled, pooledBack } from "./pooling.js";
import { RecurrentLayer } from "./recurrent.js";
import { StepRows } from "./steps.js";

export class Network {
  /** layers: settings of each, in order, without those that only work in training. */
  constructor(layers, weights) {
    const [input, ...others] = layers;
    const table = weights[`${input.name}/embeddings`];
    this.words = input.num_words;
    this.table = input.kind === "Embedding" ? table : null;
    this.recurrent = others.filter(isRecurrent).map((layer) => new RecurrentLayer(layer, weights));
    this.pooling = others.find((layer) => layer.kind.endsWith("Pooling"))?.kind ?? null;
    this.dense = new Dense(others.at(-1), weights);
  }

  /** Outputs for the ids of a text's steps, and everything on the way to them.
   *
   * scale: what the vectors of all words are multiplied by.
   */
  read(ids, scale = 1) {
    const input = this.vectors(ids, scale);
    const readings = [];
    let steps = input;
    for (const layer of this.recurrent) {
      readings.push(layer.read(steps));
      steps = readings.at(-1).steps;
    }
    const outputs = this.dense.outputs(this.vector(readings.at(-1)));
    return { input, readings, outputs };
  }

  outputs(ids) {
    return this.read(ids).outputs;
  }

  /** Outputs once 0, 1, 2, ... of the steps were read. */
  outputsAfterEach(ids) {
    const counts = Array.from({ length: ids.length + 1 }, (_, count) => count);
    if (this.recurrent.some((layer) => layer.merge !== null)) {
      return counts.map((count) => this.outputs(ids.slice(0, count)));
    }
    // A state that was reached from the front does not know how much is still to come.
    const { steps } = this.read(ids).readings.at(-1);
    return counts.map((count) => this.dense.outputs(this.vectorOfFirst(steps, count)));
  }

  /** Gradient of the input (steps, size), or of ids (steps,), from that of Dense's sums. */
  back({ readings }, dSums) {
    const last = readings.length - 1;
    const dVector = this.dense.back(dSums);
    let gradient = null;
    if (this.pooling === null) {
      gradient = this.recurrent[last].lastBack(readings[last], dVector);
    } else {
      const dSteps = pooledBack(this.pooling, readings[last].steps, dVector);
      gradient = this.recurrent[last].back(readings[last], dSteps);
    }
    for (let at = last - 1; at >= 0; at -= 1) {
      gradient = this.recurrent[at].back(readings[at], gradient);
    }
    return gradient;
  }

  vectors(ids, scale) {
    if (this.table === null) return new StepRows(this.words, { ids, scale });
    const size = this.table.shape[1];
    const values = new Float32Array(ids.length * size);
    ids.forEach((id, step) => {
      for (let i = 0; i < size; i += 1) {
        values[step * size + i] = scale * this.table.data[id * size + i];
      }
    });
    return new StepRows(size, { values });
  }

  vector(reading) {
    if (this.pooling !== null) return pooled(this.pooling, reading.steps);
    return this.recurrent.at(-1).last(reading);
  }

  vectorOfFirst(steps, count) {
    if (this.pooling !== null) return pooled(this.pooling, steps, count);
    return count ? steps.row(count - 1) : new Float32Array(steps.size);
  }
}

function isRecurrent(layer) {
  return "units" in layer && layer.kind !== "Dense";
}
