// Unigram subwords (Kudo 2018): of all ways to cut a chunk into pieces, the likeliest.

/** A function from the characters of a chunk to its pieces. */
export function likeliestPieces(model) {
  const scores = new Map(model.vocab);
  const lengths = model.vocab.map(([piece]) => Array.from(piece).length);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  return (characters) => {
    const cuts = bestCuts(characters, scores, longest);
    const pieces = [];
    for (let end = characters.length; end > 0; end = cuts[end]) {
      pieces.unshift(characters.slice(cuts[end], end).join(""));
    }
    return pieces;
  };
}

/** Where the last piece starts of the best way to cut what is before each place (Viterbi). */
function bestCuts(characters, scores, longest) {
  const best = new Float64Array(characters.length + 1).fill(-Infinity);
  const cuts = new Int32Array(characters.length + 1);
  best[0] = 0;
  for (let start = 0; start < characters.length; start += 1) {
    let piece = "";
    const limit = Math.min(characters.length, start + longest);
    for (let end = start + 1; end <= limit; end += 1) {
      piece += characters[end - 1];
      // Of equally good ways the one is kept whose last piece is longer.
      const score = best[start] + (scores.get(piece) ?? -Infinity);
      if (score > best[end]) {
        best[end] = score;
        cuts[end] = start;
      }
    }
  }
  return cuts;
}
