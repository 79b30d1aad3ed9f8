// The gated recurrent unit: Cho et al. 2014, the gates in the order u, r, g.
//
// h = u · (h before) + (1 - u) · g,  g = tanh(z + r · inner)  where inner = (h before) · R + b
// if it resets after the product, otherwise  g = tanh(z + inner · R)  where inner = r · (h before).

import { sigmoid, sigmoidSlope, tanhSlope } from "../activations.js";
import { addProduct, addProductBack } from "../products.js";

export const GRU = {
  scan(z, units, { recurrent, recurrentBias, resetAfter }) {
    const count = z.length / (3 * units);
    const states = new Float32Array((count + 1) * units);
    const inner = new Float32Array(count * units);
    const gates = z.slice();
    for (let t = 0; t < count; t += 1) {
      const at = t * units;
      const gate = 3 * at;
      addBias(gates, gate, recurrentBias, 0, 2 * units);
      addProduct(gates, gate, states, at, recurrent, 0, 2 * units);
      for (let j = 0; j < 2 * units; j += 1) gates[gate + j] = sigmoid(gates[gate + j]);
      if (resetAfter) {
        addBias(inner, at, recurrentBias, 2 * units, units);
        addProduct(inner, at, states, at, recurrent, 2 * units, units);
        for (let j = 0; j < units; j += 1) {
          gates[gate + 2 * units + j] += gates[gate + units + j] * inner[at + j];
        }
      } else {
        for (let j = 0; j < units; j += 1) inner[at + j] = gates[gate + units + j] * states[at + j];
        addProduct(gates, gate + 2 * units, inner, at, recurrent, 2 * units, units);
      }
      for (let j = 0; j < units; j += 1) {
        const u = gates[gate + j];
        const g = Math.tanh(gates[gate + 2 * units + j]);
        gates[gate + 2 * units + j] = g;
        states[at + units + j] = u * states[at + j] + (1 - u) * g;
      }
    }
    return { states, gates, inner };
  },

  back({ states, gates, inner }, units, { recurrent, resetAfter }, dStates) {
    const dZ = new Float32Array(gates.length);
    let carried = new Float32Array(units);
    for (let at = dStates.length - units; at >= 0; at -= units) {
      const gate = 3 * at;
      const before = new Float32Array(units); // gradient of the state before
      const dInner = new Float32Array(units);
      for (let j = 0; j < units; j += 1) {
        const [u, r, g] = [0, 1, 2].map((block) => gates[gate + block * units + j]);
        const dH = dStates[at + j] + carried[j];
        dZ[gate + j] = dH * (states[at + j] - g) * sigmoidSlope(u);
        dZ[gate + 2 * units + j] = dH * (1 - u) * tanhSlope(g);
        before[j] = dH * u;
        if (resetAfter) dInner[j] = dZ[gate + 2 * units + j] * r;
      }
      if (resetAfter) addProductBack(before, 0, dInner, 0, recurrent, 2 * units, units);
      else addProductBack(dInner, 0, dZ, gate + 2 * units, recurrent, 2 * units, units);
      for (let j = 0; j < units; j += 1) {
        const r = gates[gate + units + j];
        const dG = dZ[gate + 2 * units + j];
        const dR = resetAfter ? dG * inner[at + j] : dInner[j] * states[at + j];
        dZ[gate + units + j] = dR * sigmoidSlope(r);
        if (!resetAfter) before[j] += dInner[j] * r;
      }
      addProductBack(before, 0, dZ, gate, recurrent, 0, 2 * units);
      carried = before;
    }
    return dZ;
  },
};

function addBias(out, at, bias, first, count) {
  if (!bias) return;
  for (let j = 0; j < count; j += 1) out[at + j] += bias[first + j];
}
