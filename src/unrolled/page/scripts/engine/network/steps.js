// What goes from layer to layer: a row of numbers for each step of a text.

export class StepRows {
  /** values: (count, size), row by row. Or ids (count,), each of which stands for a vector of
   * length size that is `scale` at the id and 0 elsewhere. */
  constructor(size, { values = null, ids = null, scale = 1 }) {
    this.size = size;
    this.values = values;
    this.ids = ids;
    this.scale = scale;
    this.count = ids ? ids.length : values.length / size;
  }

  /** The same steps, the last one first. */
  turned() {
    const { size, scale } = this;
    if (this.ids) return new StepRows(size, { ids: Array.from(this.ids).reverse(), scale });
    return new StepRows(size, { values: turnedRows(this.values, size) });
  }

  row(step) {
    return this.values.subarray(step * this.size, (step + 1) * this.size);
  }
}

/** Rows of so many numbers, the last row first. */
export function turnedRows(rows, size) {
  const turned = new Float32Array(rows.length);
  for (let from = 0, to = rows.length - size; to >= 0; from += size, to -= size) {
    turned.set(rows.subarray(from, from + size), to);
  }
  return turned;
}
