// The minimal gated unit of Feng et al. 2024: h = (1 - u) · (h before) + u · c, the gates u, c.

import { sigmoid, sigmoidSlope } from "../activations.js";

export const MIN_GRU = {
  scan(z, units) {
    const count = z.length / (2 * units);
    const states = new Float32Array((count + 1) * units);
    const gates = z.slice();
    for (let at = 0; at < count * units; at += units) {
      for (let j = 0; j < units; j += 1) {
        const u = sigmoid(gates[2 * at + j]);
        gates[2 * at + j] = u;
        states[at + units + j] = (1 - u) * states[at + j] + u * gates[2 * at + units + j];
      }
    }
    return { states, gates };
  },

  back({ states, gates }, units, settings, dStates) {
    const dZ = new Float32Array(gates.length);
    const carried = new Float32Array(units);
    for (let at = dStates.length - units; at >= 0; at -= units) {
      for (let j = 0; j < units; j += 1) {
        const u = gates[2 * at + j];
        const c = gates[2 * at + units + j];
        const dH = dStates[at + j] + carried[j];
        dZ[2 * at + j] = dH * (c - states[at + j]) * sigmoidSlope(u);
        dZ[2 * at + units + j] = dH * u;
        carried[j] = dH * (1 - u);
      }
    }
    return dZ;
  },
};
