// What a weighted sum becomes, and the slope of that by its outcome.

export function sigmoid(z) {
  const small = Math.exp(-Math.abs(z));
  return z >= 0 ? 1 / (1 + small) : small / (1 + small);
}

export function sigmoidSlope(y) {
  return y * (1 - y);
}

export function tanhSlope(y) {
  return 1 - y * y;
}

/** Of a SimpleRNN, and of the sums that are written out. */
export const ACTIVATIONS = {
  tanh: { of: Math.tanh, slope: tanhSlope },
  sigmoid: { of: sigmoid, slope: sigmoidSlope },
  relu: { of: (z) => Math.max(z, 0), slope: (y) => (y > 0 ? 1 : 0) },
  linear: { of: (z) => z, slope: () => 1 },
};
