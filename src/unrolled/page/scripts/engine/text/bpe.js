// Byte pair encoding (Sennrich et al. 2016): pairs are joined in the order that was learnt.

/** A function from the characters of a chunk to its pieces. */
export function mergedPieces(model) {
  const ranks = new Map(model.merges.map(([left, right], rank) => [pairKey(left, right), rank]));
  return (characters) => {
    let pieces = characters;
    for (;;) {
      const rank = lowestRank(pieces, ranks);
      if (rank === Infinity) return pieces;
      pieces = joined(pieces, rank, ranks);
    }
  };
}

function pairKey(left, right) {
  return `${left}\0${right}`;
}

function lowestRank(pieces, ranks) {
  let lowest = Infinity;
  for (let at = 1; at < pieces.length; at += 1) {
    const rank = ranks.get(pairKey(pieces[at - 1], pieces[at]));
    if (rank < lowest) lowest = rank;
  }
  return lowest;
}

/** All pairs of this rank joined, from the left. A pair that makes another was learnt before it. */
function joined(pieces, rank, ranks) {
  const after = [];
  for (let at = 0; at < pieces.length; at += 1) {
    if (at + 1 < pieces.length && ranks.get(pairKey(pieces[at], pieces[at + 1])) === rank) {
      after.push(pieces[at] + pieces[at + 1]);
      at += 1;
    } else {
      after.push(pieces[at]);
    }
  }
  return after;
}
