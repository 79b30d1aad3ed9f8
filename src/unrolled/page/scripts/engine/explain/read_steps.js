// The steps that a network takes through a text: what each of them reads.

import { Refusal } from "../refusal.js";
import { prepared, wasCut } from "../text/sequences.js";
import { PADDING, UNKNOWN } from "../text/vocabulary.js";

const MOST_STEPS = 2000; // to leave out each word costs the square of their number

/** What `model` reads of a text, and the ids of the whole text. */
export function readSteps(model, text) {
  const { tokens, ids } = model.vocabulary.encode(text);
  const { ids: read, places } = prepared(ids, model.text);
  if (read.length > MOST_STEPS) {
    const most = `an explanation at most ${MOST_STEPS}: give a part of it`;
    throw new Refusal(`the text has ${read.length} tokens, and ${most}`);
  }
  const kinds = read.map((id, step) => kindOf(id, places[step]));
  return {
    ids,
    read,
    places,
    kinds,
    tokens: kinds.map((kind, step) => (places[step] === null ? `[${kind}]` : tokens[places[step]])),
    unknownShare: unknownShare(ids),
    wasCut: wasCut(ids, model.text),
  };
}

/** Part of a text's tokens that the model does not know, as a number of four bytes. */
export function unknownShare(ids) {
  const unknown = ids.filter((id) => id === UNKNOWN).length;
  return Math.fround(unknown / Math.max(ids.length, 1));
}

function kindOf(id, place) {
  if (place !== null) return id === UNKNOWN ? "unknown" : "word";
  if (id === PADDING) return "padding";
  return id === UNKNOWN ? "unknown" : "start";
}
