// The recurrence of Elman 1990: h = activation(z[t] + (h before) · R).

import { ACTIVATIONS } from "../activations.js";
import { addProduct, addProductBack } from "../products.js";

export const SIMPLE_RNN = {
  scan(z, units, { recurrent, activation }) {
    const count = z.length / units;
    const states = new Float32Array((count + 1) * units); // the zeros before the first step lead
    const sums = z.slice();
    for (let t = 0; t < count; t += 1) {
      const at = t * units;
      addProduct(sums, at, states, at, recurrent, 0, units);
      for (let j = 0; j < units; j += 1) {
        states[at + units + j] = ACTIVATIONS[activation].of(sums[at + j]);
      }
    }
    return { states };
  },

  back({ states }, units, { recurrent, activation }, dStates) {
    const dZ = new Float32Array(dStates.length);
    let carried = new Float32Array(units);
    for (let at = dStates.length - units; at >= 0; at -= units) {
      for (let j = 0; j < units; j += 1) {
        const slope = ACTIVATIONS[activation].slope(states[at + units + j]);
        dZ[at + j] = (dStates[at + j] + carried[j]) * slope;
      }
      carried = new Float32Array(units);
      addProductBack(carried, 0, dZ, at, recurrent, 0, units);
    }
    return dZ;
  },
};
