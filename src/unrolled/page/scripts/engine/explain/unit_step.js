// One step of one unit, its weighted sums and what becomes of them.

import { ACTIVATIONS } from "../network/activations.js";
import { windowParts } from "../network/products.js";

export class UnitStep {
  /** scan: one direction of a layer. reading: what it kept. incoming: its steps. */
  constructor(scan, reading, incoming, tokens, step, unit) {
    this.scan = scan;
    this.incoming = incoming;
    this.tokens = tokens;
    this.step = step;
    this.unit = unit;
    this.units = scan.units;
    // Memory is in the order of reading, and starts with the zeros before the first step.
    this.place = scan.isBackward ? incoming.count - 1 - step : step;
    const { states, cells } = reading.memory;
    this.before = states.slice(this.place * this.units, (this.place + 1) * this.units);
    this.after = states[(this.place + 1) * this.units + unit];
    this.cellBefore = cells ? cells[this.place * this.units + unit] : 0;
  }

  /** The part of the document that differs from cell to cell. */
  writtenOut(kind) {
    const write = {
      SimpleRNN: () => this.simpleRnn(),
      LSTM: () => this.lstm(),
      GRU: () => this.gru(),
      MinGRU: () => this.minGru(),
      QRNN: () => this.qrnn(),
    }[kind];
    const { sums, combination } = write();
    return { sums, combination, state_before: this.before[this.unit], state_after: this.after };
  }

  simpleRnn() {
    return { sums: [this.sum("h", 0, this.scan.settings.activation)], combination: [] };
  }

  lstm() {
    const [i, f, g, o] = ["i", "f", "g", "o"].map((name, gate) =>
      this.sum(name, gate, name === "g" ? "tanh" : "sigmoid"),
    );
    const c = f.result * this.cellBefore + i.result * g.result;
    return {
      sums: [i, f, g, o],
      combination: [
        { name: "c before", formula: "", value: this.cellBefore },
        { name: "c", formula: "f · c before + i · g", value: c },
        { name: "h", formula: "o · tanh(c)", value: o.result * Math.tanh(c) },
      ],
    };
  }

  gru() {
    const u = this.sum("u", 0, "sigmoid");
    const r = this.sum("r", 1, "sigmoid");
    const reset = this.scan.settings.resetAfter ? { scale: r.result } : { resets: this.resets() };
    const g = this.sum("g", 2, "tanh", reset);
    const h = u.result * this.before[this.unit] + (1 - u.result) * g.result;
    const formula = "u · h before + (1 - u) · g";
    return { sums: [u, r, g], combination: [{ name: "h", formula, value: h }] };
  }

  minGru() {
    const u = this.sum("u", 0, "sigmoid");
    const c = this.sum("c", 1, "linear");
    const h = (1 - u.result) * this.before[this.unit] + u.result * c.result;
    const formula = "(1 - u) · h before + u · c";
    return { sums: [u, c], combination: [{ name: "h", formula, value: h }] };
  }

  qrnn() {
    const [g, f, o] = ["g", "f", "o"].map((name, gate) =>
      this.sum(name, gate, name === "g" ? "tanh" : "sigmoid"),
    );
    const c = f.result * this.cellBefore + (1 - f.result) * g.result;
    return {
      sums: [g, f, o],
      combination: [
        { name: "c before", formula: "", value: this.cellBefore },
        { name: "c", formula: "f · c before + (1 - f) · g", value: c },
        { name: "h", formula: "o · c", value: o.result * c },
      ],
    };
  }

  /** The reset gates of all units. */
  resets() {
    return Array.from(this.before, (_, unit) => this.sum("r", 1, "sigmoid", {}, unit).result);
  }

  /** The weighted sum of a gate.
   *
   * scale: what the recurrent part is multiplied by. resets: what each state is multiplied by
   * before its weight is.
   */
  sum(name, gate, activation, { scale = null, resets = null } = {}, unit = this.unit) {
    const column = gate * this.units + unit;
    const { recurrentBias } = this.scan.settings;
    const input = this.inputTerms(column);
    const recurrent = this.recurrentTerms(column, resets);
    const bias = this.scan.bias[column];
    const ownBias = recurrentBias ? recurrentBias[column] : null;
    const inputTotal = sumOfProducts(input);
    const recurrentTotal = sumOfProducts(recurrent);
    const total = inputTotal + bias + (scale ?? 1) * (recurrentTotal + (ownBias ?? 0));
    return {
      name,
      input,
      input_total: inputTotal,
      recurrent,
      recurrent_total: recurrentTotal,
      recurrent_bias: ownBias,
      recurrent_scale: scale,
      bias,
      total,
      activation,
      result: ACTIVATIONS[activation].of(total),
    };
  }

  inputTerms(column) {
    return windowParts(this.scan.kernel).flatMap(({ matrix, shift }) => {
      const step = this.scan.isBackward ? this.step + shift : this.step - shift;
      if (step < 0 || step >= this.incoming.count) return [];
      return this.stepTerms(shift ? "before: " : "", step, matrix, column);
    });
  }

  /** What a step brings into a sum: its word's weight, or each of its numbers times one. */
  stepTerms(prefix, step, matrix, column) {
    const columns = matrix.shape[1];
    const weight = (row) => matrix.data[row * columns + column];
    if (this.incoming.ids) {
      return [term(`${prefix}${this.tokens[step]}`, 1, weight(this.incoming.ids[step]))];
    }
    return Array.from(this.incoming.row(step), (value, row) =>
      term(`${prefix}x[${row}]`, value, weight(row)),
    );
  }

  recurrentTerms(column, resets) {
    const { recurrent } = this.scan.settings;
    if (!recurrent) return [];
    const columns = recurrent.shape[1];
    return Array.from(this.before, (state, row) => {
      const weight = recurrent.data[row * columns + column];
      if (resets === null) return term(`h[${row}]`, state, weight);
      return term(`r[${row}] · h[${row}]`, resets[row] * state, weight);
    });
  }
}

function term(of, value, weight) {
  return { of, value, weight, product: value * weight };
}

function sumOfProducts(terms) {
  return terms.reduce((total, { product }) => total + product, 0);
}
