// The layer that decides: a matrix, a bias, and a sigmoid or a softmax.

import { sigmoid } from "./activations.js";
import { addProduct, addProductBack } from "./products.js";

export class Dense {
  constructor(settings, weights) {
    this.units = settings.units;
    this.activation = settings.activation;
    this.kernel = weights[`${settings.name}/kernel`];
    this.bias = weights[`${settings.name}/bias`].data;
  }

  outputs(vector) {
    const sums = this.bias.slice();
    addProduct(sums, 0, vector, 0, this.kernel, 0, this.units);
    return this.activation === "softmax" ? softmax(sums) : sums.map(sigmoid);
  }

  /** Gradient of the vector from that of the weighted sums. */
  back(dSums) {
    const dVector = new Float32Array(this.kernel.shape[0]);
    addProductBack(dVector, 0, dSums, 0, this.kernel, 0, this.units);
    return dVector;
  }
}

function softmax(sums) {
  const highest = Math.max(...sums);
  const powers = sums.map((sum) => Math.exp(sum - highest));
  const total = powers.reduce((before, power) => before + power, 0);
  return powers.map((power) => power / total);
}
