// Long short-term memory: Hochreiter & Schmidhuber 1997, the gates in the order i, f, g, o.
//
// c = f · (c before) + i · g,  h = o · tanh(c)

import { sigmoid, sigmoidSlope, tanhSlope } from "../activations.js";
import { addProduct, addProductBack } from "../products.js";

export const LSTM = {
  scan(z, units, { recurrent }) {
    const count = z.length / (4 * units);
    const states = new Float32Array((count + 1) * units);
    const cells = new Float32Array((count + 1) * units);
    const gates = z.slice();
    for (let t = 0; t < count; t += 1) {
      const at = t * units;
      const gate = t * 4 * units;
      addProduct(gates, gate, states, at, recurrent, 0, 4 * units);
      for (let j = 0; j < units; j += 1) {
        const i = sigmoid(gates[gate + j]);
        const f = sigmoid(gates[gate + units + j]);
        const g = Math.tanh(gates[gate + 2 * units + j]);
        const o = sigmoid(gates[gate + 3 * units + j]);
        gates[gate + j] = i;
        gates[gate + units + j] = f;
        gates[gate + 2 * units + j] = g;
        gates[gate + 3 * units + j] = o;
        cells[at + units + j] = f * cells[at + j] + i * g;
        states[at + units + j] = o * Math.tanh(cells[at + units + j]);
      }
    }
    return { states, cells, gates };
  },

  back({ cells, gates }, units, { recurrent }, dStates) {
    const dZ = new Float32Array(gates.length);
    let carried = new Float32Array(units);
    const carriedCells = new Float32Array(units);
    for (let at = dStates.length - units; at >= 0; at -= units) {
      const gate = 4 * at;
      for (let j = 0; j < units; j += 1) {
        const [i, f, g, o] = [0, 1, 2, 3].map((block) => gates[gate + block * units + j]);
        const bent = Math.tanh(cells[at + units + j]);
        const dH = dStates[at + j] + carried[j];
        const dC = carriedCells[j] + dH * o * tanhSlope(bent);
        dZ[gate + j] = dC * g * sigmoidSlope(i);
        dZ[gate + units + j] = dC * cells[at + j] * sigmoidSlope(f);
        dZ[gate + 2 * units + j] = dC * i * tanhSlope(g);
        dZ[gate + 3 * units + j] = dH * bent * sigmoidSlope(o);
        carriedCells[j] = dC * f;
      }
      carried = new Float32Array(units);
      addProductBack(carried, 0, dZ, gate, recurrent, 0, 4 * units);
    }
    return dZ;
  },
};
