// Integrated gradients: Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks".

const POINTS = 64; // between no word and the whole text

/** What each step adds to a class's probability while all word vectors grow from zero (steps,). */
export async function integratedGradients(model, read, explained, breathe) {
  const { network, decision } = model;
  const gains = new Float64Array(read.length);
  const whole = network.vectors(read, 1);
  for (let point = 0; point < POINTS; point += 1) {
    await breathe();
    const reading = network.read(read, (point + 0.5) / POINTS);
    const gradient = network.back(reading, decision.slope(reading.outputs, explained));
    addAlong(gains, whole, gradient);
  }
  return Array.from(gains, (gain) => gain / POINTS);
}

/** Adds gradient · vector of each step; a one-hot vector is 1 at its id. */
function addAlong(gains, steps, gradient) {
  const size = steps.ids ? 1 : steps.size;
  for (let at = 0; at < gradient.length; at += 1) {
    gains[Math.floor(at / size)] += gradient[at] * (steps.ids ? 1 : steps.values[at]);
  }
}
