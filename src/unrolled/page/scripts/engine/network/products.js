// Sums of products: a row of numbers times a matrix, and the way back.
//
// A matrix is {shape, data}, row by row. Arrays are given with the place where a row starts, since
// to make views of them takes longer than to multiply.

/** Adds row · (columns first, first + 1, ... of the matrix) to `count` numbers of `out` at `at`. */
export function addProduct(out, at, row, rowAt, matrix, first, count) {
  const { data, shape } = matrix;
  const rows = shape[0];
  const columns = shape[1];
  let j = 0;
  // Four columns at a time: sums that do not wait for each other take half the time.
  for (; j + 3 < count; j += 4) {
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let i = 0, from = first + j; i < rows; i += 1, from += columns) {
      const value = row[rowAt + i];
      a += value * data[from];
      b += value * data[from + 1];
      c += value * data[from + 2];
      d += value * data[from + 3];
    }
    out[at + j] += a;
    out[at + j + 1] += b;
    out[at + j + 2] += c;
    out[at + j + 3] += d;
  }
  for (; j < count; j += 1) {
    let total = 0;
    for (let i = 0; i < rows; i += 1) total += row[rowAt + i] * data[i * columns + first + j];
    out[at + j] += total;
  }
}

/** Adds what addProduct's row gets of the gradient of its outputs: d · matrixᵀ. */
export function addProductBack(dRow, dRowAt, d, dAt, matrix, first, count) {
  const [rows, columns] = matrix.shape.slice(-2);
  for (let i = 0; i < rows; i += 1) {
    dRow[dRowAt + i] += dot(d, dAt, matrix.data, i * columns + first, count);
  }
}

/** z (steps, columns) = x · kernel + bias; of a window of two, kernel[0] meets the step before. */
export function project(steps, kernel, bias) {
  const columns = kernel.shape.at(-1);
  const z = new Float32Array(steps.count * columns);
  for (let at = 0; at < z.length; at += columns) z.set(bias, at);
  for (const { matrix, shift } of windowParts(kernel)) {
    for (let step = shift; step < steps.count; step += 1) {
      addStep(z, step * columns, steps, step - shift, matrix);
    }
  }
  return z;
}

/** Gradient of project's steps (steps, size); of ids (steps,), each that of its own number. */
export function projectBack(steps, kernel, dZ) {
  const columns = kernel.shape.at(-1);
  const size = steps.ids ? 1 : steps.size;
  const dSteps = new Float32Array(steps.count * size);
  for (const { matrix, shift } of windowParts(kernel)) {
    for (let step = 0; step + shift < steps.count; step += 1) {
      const at = (step + shift) * columns;
      if (steps.ids) dSteps[step] += dot(dZ, at, matrix.data, steps.ids[step] * columns, columns);
      else addProductBack(dSteps, step * size, dZ, at, matrix, 0, columns);
    }
  }
  return dSteps;
}

/** The matrices of a kernel, each with how many steps ago the step was that it meets. */
export function windowParts(kernel) {
  if (kernel.shape.length === 2) return [{ matrix: kernel, shift: 0 }];
  const [window, ...shape] = kernel.shape;
  const length = shape[0] * shape[1];
  return Array.from({ length: window }, (_, shift) => {
    const at = (window - 1 - shift) * length;
    return { matrix: { shape, data: kernel.data.subarray(at, at + length) }, shift };
  });
}

function addStep(z, at, steps, step, matrix) {
  const columns = matrix.shape[1];
  if (steps.ids) addRow(z, at, steps.scale, matrix.data, steps.ids[step] * columns, columns);
  else addProduct(z, at, steps.values, step * steps.size, matrix, 0, columns);
}

function addRow(out, at, factor, row, rowAt, count) {
  for (let j = 0; j < count; j += 1) out[at + j] += factor * row[rowAt + j];
}

function dot(left, leftAt, right, rightAt, count) {
  let total = 0;
  for (let j = 0; j < count; j += 1) total += left[leftAt + j] * right[rightAt + j];
  return total;
}
