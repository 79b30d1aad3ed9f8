// Tokens and their ids, by the model's own tokenizer.

import { characterTokenizer } from "./characters.js";
import { kerasTokenizer } from "./keras_words.js";
import { subwordTokenizer } from "./subwords.js";
import { Unicode } from "./unicode.js";
import { wordTokenizer } from "./words.js";

export const PADDING = 0;
export const START = 1;
export const UNKNOWN = 2;
const FIRST_WORD = 4;

export class Vocabulary {
  /** stored: the model's vocabulary. characters: what Python knows of characters. */
  constructor(stored, characters) {
    this.tokens = tokenizerOf(stored, characters);
    this.ids = new Map(stored.words.map((word, index) => [word, FIRST_WORD + index]));
  }

  /** Tokens of a text and their ids, without the start. */
  encode(text) {
    const tokens = this.tokens(text);
    return { tokens, ids: tokens.map((token) => this.ids.get(token) ?? UNKNOWN) };
  }
}

function tokenizerOf(stored, characters) {
  const unicode = new Unicode(characters.assigned);
  switch (stored.tokenizer) {
    case "keras":
      return kerasTokenizer(unicode);
    case "words":
      return wordTokenizer(unicode, characters.kinds);
    case "characters":
      return characterTokenizer(unicode);
    case "subwords":
      return subwordTokenizer(unicode, stored.model);
    default:
      throw new Error(`the tokenizer "${stored.tokenizer}" is unknown`);
  }
}
