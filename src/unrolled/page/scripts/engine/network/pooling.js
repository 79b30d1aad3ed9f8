// One vector of all steps of a text, zero where there is no step; and the way back.

/** kind: a pooling layer's. count: how many of the steps, the first ones, take part. */
export function pooled(kind, steps, count = steps.count) {
  switch (kind) {
    case "MaxPooling":
      return largest(steps, count);
    case "MeanPooling":
      return mean(steps, count);
    case "MaxMeanPooling":
      return Float32Array.from([...largest(steps, count), ...mean(steps, count)]);
    default:
      throw new Error(`the layer "${kind}" is unknown`);
  }
}

/** Gradient of all steps from that of pooled's vector. */
export function pooledBack(kind, steps, dVector) {
  const dSteps = new Float32Array(steps.values.length);
  if (kind !== "MeanPooling") addLargestBack(dSteps, steps, dVector.subarray(0, steps.size));
  if (kind !== "MaxPooling") addMeanBack(dSteps, steps, dVector.subarray(-steps.size));
  return dSteps;
}

function largest(steps, count) {
  if (!count) return new Float32Array(steps.size);
  const top = new Float32Array(steps.size).fill(-Infinity);
  for (let step = 0; step < count; step += 1) {
    for (let i = 0; i < top.length; i += 1) {
      top[i] = Math.max(top[i], steps.values[step * top.length + i]);
    }
  }
  return top;
}

function mean(steps, count) {
  const sums = new Float64Array(steps.size);
  for (let at = 0; at < count * steps.size; at += 1) sums[at % steps.size] += steps.values[at];
  return Float32Array.from(sums, (sum) => sum / Math.max(count, 1));
}

/** StepRows that share the largest number share its gradient. */
function addLargestBack(dSteps, steps, dVector) {
  const top = largest(steps, steps.count);
  const hits = new Float32Array(steps.size);
  const isHit = (at) => steps.values[at] === top[at % steps.size];
  for (let at = 0; at < dSteps.length; at += 1) if (isHit(at)) hits[at % steps.size] += 1;
  for (let at = 0; at < dSteps.length; at += 1) {
    if (isHit(at)) dSteps[at] += dVector[at % steps.size] / hits[at % steps.size];
  }
}

function addMeanBack(dSteps, steps, dVector) {
  for (let at = 0; at < dSteps.length; at += 1) {
    dSteps[at] += dVector[at % steps.size] / steps.count;
  }
}
