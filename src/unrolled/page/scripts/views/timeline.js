// Where each step is along the width: one geometry for the curve and the heat map above each other.

const FOLDED_WIDTH = 2; // pixels of a step in a folded run of padding
const LEAST_WIDTH = 13; // pixels of any other: a word fits when it stands upright
const MOST_WIDTH = 160;

export class Timeline {
  // available: the pixels that are seen at once.
  constructor(steps, available) {
    const folded = steps.runs.reduce((sum, run) => sum + run.to - run.from, 0);
    const shared = (available - folded * FOLDED_WIDTH) / Math.max(1, steps.count - folded);
    const wide = Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, shared));
    this.starts = new Float64Array(steps.count + 1);
    let run = 0;
    for (let step = 0; step < steps.count; step += 1) {
      while (run < steps.runs.length && steps.runs[run].to <= step) run += 1;
      const isFolded = run < steps.runs.length && step >= steps.runs[run].from;
      this.starts[step + 1] = this.starts[step] + (isFolded ? FOLDED_WIDTH : wide);
    }
    this.count = steps.count;
    this.width = this.starts[steps.count];
  }

  start(step) {
    return this.starts[step];
  }

  middle(step) {
    return (this.starts[step] + this.starts[step + 1]) / 2;
  }

  breadth(step) {
    return this.starts[step + 1] - this.starts[step];
  }

  // The step at a distance from the start: the nearest one when it lies outside.
  at(distance) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const half = (low + high + 1) >> 1;
      if (this.starts[half] <= distance) low = half;
      else high = half - 1;
    }
    return low;
  }
}
