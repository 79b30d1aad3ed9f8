// Recurrent layers: one direction of reading, or both with what is made of their states.

import { GRU } from "./cells/gru.js";
import { LSTM } from "./cells/lstm.js";
import { MIN_GRU } from "./cells/min_gru.js";
import { QRNN } from "./cells/qrnn.js";
import { SIMPLE_RNN } from "./cells/simple_rnn.js";
import { project, projectBack } from "./products.js";
import { StepRows, turnedRows } from "./steps.js";

const CELLS = { SimpleRNN: SIMPLE_RNN, LSTM, GRU, MinGRU: MIN_GRU, QRNN };

/** One direction of a recurrent layer. */
export class Scan {
  constructor(settings, weights, direction) {
    this.direction = direction;
    this.units = settings.units;
    this.kernel = weights.kernel;
    this.cell = CELLS[settings.kind];
    // A GRU that resets after the product has a second row of bias.
    const [columns] = weights.bias.shape.slice(-1);
    this.bias = weights.bias.data.subarray(0, columns);
    this.settings = {
      recurrent: weights.recurrent_kernel,
      recurrentBias: weights.bias.shape.length === 2 ? weights.bias.data.subarray(columns) : null,
      activation: settings.activation,
      resetAfter: settings.reset_after,
    };
  }

  get isBackward() {
    return this.direction === "backward";
  }

  /** Everything on the way; input and memory are in the order of reading, states by step. */
  read(steps) {
    const input = this.isBackward ? steps.turned() : steps;
    const z = project(input, this.kernel, this.bias);
    const memory = this.cell.scan(z, this.units, this.settings);
    return { input, memory, states: this.byStep(memory.states.subarray(this.units)) };
  }

  /** Gradient of the steps from that of the states, both by step. */
  back({ input, memory }, dStates) {
    const dZ = this.cell.back(memory, this.units, this.settings, this.byStep(dStates));
    const dInput = projectBack(input, this.kernel, dZ);
    return this.isBackward ? turnedRows(dInput, input.ids ? 1 : input.size) : dInput;
  }

  /** The state that is reached last, zero where there is no step. */
  last({ memory }) {
    return memory.states.subarray(memory.states.length - this.units);
  }

  byStep(rows) {
    return this.isBackward ? turnedRows(rows, this.units) : rows;
  }
}

/** A layer with one direction, or with two and merge "concat", "sum" or "average". */
export class RecurrentLayer {
  constructor(settings, weights) {
    this.name = settings.name;
    this.kind = settings.kind;
    this.units = settings.units;
    this.merge = settings.merge ?? null;
    const directions = this.merge === null ? ["forward"] : ["forward", "backward"];
    this.scans = directions.map((direction) => {
      const start = this.merge === null ? this.name : `${this.name}/${direction}`;
      return new Scan(settings, ownWeights(weights, start), direction);
    });
    this.size = this.merge === "concat" ? 2 * this.units : this.units;
    this.share = this.merge === "average" ? 0.5 : 1;
  }

  read(steps) {
    const readings = this.scans.map((scan) => scan.read(steps));
    const values = this.merged(readings.map((reading) => reading.states));
    return { readings, steps: new StepRows(this.size, { values }) };
  }

  /** One vector: what each direction reached last. */
  last({ readings }) {
    return this.merged(this.scans.map((scan, at) => scan.last(readings[at])));
  }

  /** Gradient of the steps that came in, from that of those that went out. */
  back({ readings }, dSteps) {
    return this.total((scan, at) => scan.back(readings[at], this.part(dSteps, at)));
  }

  /** The same from the gradient of `last`. */
  lastBack({ readings, steps }, dLast) {
    return this.total((scan, at) => {
      const dStates = new Float32Array(steps.count * this.units);
      const end = scan.isBackward ? 0 : steps.count - 1;
      dStates.set(this.part(dLast, at), end * this.units);
      return scan.back(readings[at], dStates);
    });
  }

  merged(rows) {
    const [forward, backward] = rows;
    if (this.merge === null) return forward;
    if (this.merge === "concat") return sideBySide(forward, backward, this.units);
    return forward.map((value, at) => this.share * (value + backward[at]));
  }

  /** What a gradient of merged rows is for the states of one direction. */
  part(dRows, direction) {
    if (this.merge !== "concat") return dRows.map((value) => this.share * value);
    return columnsOf(dRows, this.size, direction * this.units, this.units);
  }

  /** Sum over the directions of what `back` gives for each. */
  total(back) {
    const [first, ...others] = this.scans.map(back);
    for (const other of others) other.forEach((value, at) => (first[at] += value));
    return first;
  }
}

function ownWeights(weights, start) {
  const names = ["kernel", "recurrent_kernel", "bias"];
  return Object.fromEntries(names.map((name) => [name, weights[`${start}/${name}`]]));
}

function sideBySide(left, right, size) {
  const rows = new Float32Array(2 * left.length);
  for (let at = 0; at < left.length; at += size) {
    rows.set(left.subarray(at, at + size), 2 * at);
    rows.set(right.subarray(at, at + size), 2 * at + size);
  }
  return rows;
}

function columnsOf(rows, size, first, count) {
  const part = new Float32Array((rows.length / size) * count);
  for (let from = first, to = 0; to < part.length; from += size, to += count) {
    part.set(rows.subarray(from, from + count), to);
  }
  return part;
}
