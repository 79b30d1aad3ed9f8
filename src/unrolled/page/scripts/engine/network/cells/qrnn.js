// Quasi-recurrent network, Bradbury et al. 2016, the gates in the order g, f, o.
//
// c = f · (c before) + (1 - f) · g,  h = o · c

import { sigmoid, sigmoidSlope, tanhSlope } from "../activations.js";

export const QRNN = {
  scan(z, units) {
    const count = z.length / (3 * units);
    const states = new Float32Array((count + 1) * units);
    const cells = new Float32Array((count + 1) * units);
    const gates = z.slice();
    for (let at = 0; at < count * units; at += units) {
      const gate = 3 * at;
      for (let j = 0; j < units; j += 1) {
        const g = Math.tanh(gates[gate + j]);
        const f = sigmoid(gates[gate + units + j]);
        const o = sigmoid(gates[gate + 2 * units + j]);
        gates[gate + j] = g;
        gates[gate + units + j] = f;
        gates[gate + 2 * units + j] = o;
        cells[at + units + j] = f * cells[at + j] + (1 - f) * g;
        states[at + units + j] = o * cells[at + units + j];
      }
    }
    return { states, cells, gates };
  },

  back({ cells, gates }, units, settings, dStates) {
    const dZ = new Float32Array(gates.length);
    const carried = new Float32Array(units);
    for (let at = dStates.length - units; at >= 0; at -= units) {
      const gate = 3 * at;
      for (let j = 0; j < units; j += 1) {
        const [g, f, o] = [0, 1, 2].map((block) => gates[gate + block * units + j]);
        const dC = carried[j] + dStates[at + j] * o;
        dZ[gate + j] = dC * (1 - f) * tanhSlope(g);
        dZ[gate + units + j] = dC * (cells[at + j] - g) * sigmoidSlope(f);
        dZ[gate + 2 * units + j] = dStates[at + j] * cells[at + units + j] * sigmoidSlope(o);
        carried[j] = dC * f;
      }
    }
    return dZ;
  },
};
