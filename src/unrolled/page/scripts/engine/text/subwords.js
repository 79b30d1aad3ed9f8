// Pieces of words by a model of Hugging Face's tokenizers: BPE or unigram.
//
// Words, each with one space in front, are cut between letters, digits and all else, and then into
// pieces. A character that the model does not know is read as its bytes in UTF-8.

import { mergedPieces } from "./bpe.js";
import { likeliestPieces } from "./unigram.js";

const FIRST_BYTE = 0x10ff00; // what stands for byte 0 inside of a model
const LONE_SURROGATES = /\p{Cs}/gu;
// White space as Python's str.split has it.
const SPACES = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;
// No other white space than one space is left when a text is cut.
const WORD_CUTS = / ?\p{L}[\p{L}\p{M}]*| ?\p{N}+| ?[^ \p{L}\p{N}]+| +/gu;
const UTF8 = new TextEncoder();

/** trained: what is under "model" in a model's vocabulary. */
export function subwordTokenizer(unicode, trained) {
  const { model } = trained;
  const isPairs = model.type === "BPE";
  const split = isPairs ? mergedPieces(model) : likeliestPieces(model);
  const pieces = isPairs ? Object.keys(model.vocab) : model.vocab.map(([piece]) => piece);
  const alphabet = new Set(pieces.filter((piece) => Array.from(piece).length === 1));
  return (text) => {
    const spelt = Array.from(spaced(unicode, text), (character) => spelling(character, alphabet));
    const chunks = spelt.join("").match(WORD_CUTS) ?? [];
    return chunks.flatMap((chunk) => split(Array.from(chunk)).map(readable));
  };
}

function spaced(unicode, text) {
  const words = unicode.composed(text).replace(LONE_SURROGATES, "\ufffd").split(SPACES);
  return words.filter(Boolean).map((word) => ` ${word}`).join("");
}

function spelling(character, alphabet) {
  if (alphabet.has(character)) return character;
  return String.fromCodePoint(...Array.from(UTF8.encode(character), (byte) => FIRST_BYTE + byte));
}

/** The text of a piece, or "⟨ed95⟩" where bytes are in it. */
function readable(piece) {
  const codes = Array.from(piece, (character) => character.codePointAt(0));
  if (codes.every((code) => code < FIRST_BYTE)) return piece;
  const bytes = codes.flatMap((code) =>
    code >= FIRST_BYTE ? [code - FIRST_BYTE] : Array.from(UTF8.encode(String.fromCodePoint(code))),
  );
  return `⟨${bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")}⟩`;
}
