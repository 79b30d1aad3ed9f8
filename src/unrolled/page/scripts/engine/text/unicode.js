// Small letters and canonical composition as the Python has them that exported the model.
//
// A browser may know characters that this Python does not: to Python they are no letters and
// combine with nothing, so that the text between them is changed part by part. (Of characters that
// both know, Unicode 15 changed two, U+0295 and U+1171E: whether a Σ beside them is a last letter.)

const CODE_POINTS = 0x110000;

/** Runs as "length in base 36, then a sign of one character", one after the other. */
export function readRuns(text) {
  const runs = [];
  let first = 0;
  for (const run of text.split(" ")) {
    const end = first + parseInt(run.slice(0, -1), 36);
    runs.push({ first, end, sign: run.at(-1) });
    first = end;
  }
  if (first !== CODE_POINTS) throw new Error("the runs of characters are damaged");
  return runs;
}

export class Unicode {
  /** assigned: runs of the characters that Python knows ("+") and does not ("-"). */
  constructor(assigned) {
    const unknown = readRuns(assigned).filter((run) => run.sign === "-");
    const ranges = unknown.map(({ first, end }) => `\\u{${hex(first)}}-\\u{${hex(end - 1)}}`);
    this.unknown = new RegExp(`([${ranges.join("")}]+)`, "u");
  }

  lower(text) {
    return this.change(text, (part) => part.toLowerCase());
  }

  composed(text) {
    return this.change(text, (part) => part.normalize("NFC"));
  }

  change(text, change) {
    // A split by what is in parentheses keeps it, at the odd places.
    return text.split(this.unknown).map((part, at) => (at % 2 ? part : change(part))).join("");
  }
}

function hex(code) {
  return code.toString(16);
}
