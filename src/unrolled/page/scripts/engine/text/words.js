// Words, feelings and emoji of a text in any script.
//
// The kinds of characters come from Python with the model: w letter or digit, m mark, c word of its
// own (C: one that is no letter), h Korean letter, f feeling, . and … dots, e emoji, s skin tone,
// r half of a flag, t letter of a flag's name, v variation, k keycap, j joiner, ' and # themselves,
// - what is left out.

import { readRuns } from "./unicode.js";

const LETTER = "é"; // stands for any letter outside of ASCII where emoticons are looked for
const NO_LETTER = "·";
const LINE_BREAK = new RegExp(`</?br(?![\\w${LETTER}])`, "g");
const EMOTICON = emoticons(`[\\w${LETTER}]`);
const TOKEN = tokens("w(?!vk)(?:w(?!vk)|[mvk]|j(?=w))*");
const APOSTROPHES = /[’＇]/g;
const INVISIBLE = /[\u00ad\u200e\u200f\u2060\ufeff]/g;

/** kinds: runs of the kind of every character. */
export function wordTokenizer(unicode, kinds) {
  const characters = new Kinds(kinds);
  return (text) => {
    const seen = text.replace(APOSTROPHES, "'").replace(INVISIBLE, "");
    return wordTokens(unicode.composed(unicode.lower(seen)), characters);
  };
}

function wordTokens(folded, kinds) {
  let mask = masked(folded, kinds);
  let text = folded;
  if (mask.includes("<")) {
    text = replacedAt(text, mask, LINE_BREAK);
    mask = mask.replace(LINE_BREAK, " ");
  }
  const parts = [];
  let first = 0;
  for (const match of mask.matchAll(EMOTICON)) {
    parts.push(tokensByKind(text.slice(first, match.index), kinds), [match[0]]);
    first = match.index + match[0].length;
  }
  return [...parts, tokensByKind(text.slice(first), kinds)].flat();
}

/** The text with a letter or a sign, as long as itself, for each character outside of ASCII. */
function masked(text, kinds) {
  return text.replace(/[^\0-\x7f]/gu, (character) => {
    const stand = kinds.isLetter(character) ? LETTER : NO_LETTER;
    return stand.repeat(character.length);
  });
}

/** A space in the text wherever the mask has what is looked for. */
function replacedAt(text, mask, pattern) {
  let replaced = "";
  let first = 0;
  for (const match of mask.matchAll(pattern)) {
    replaced += `${text.slice(first, match.index)} `;
    first = match.index + match[0].length;
  }
  return replaced + text.slice(first);
}

function tokensByKind(text, kinds) {
  const characters = Array.from(text);
  const pattern = characters.map((character) => kinds.of(character)).join("");
  return Array.from(pattern.matchAll(TOKEN), (match) => {
    if (match.groups.dots) return "...";
    return characters.slice(match.index, match.index + match[0].length).join("");
  });
}

class Kinds {
  constructor(runs) {
    this.runs = readRuns(runs);
    this.known = new Map();
  }

  of(character) {
    const sign = this.sign(character);
    return sign === "C" ? "c" : sign;
  }

  isLetter(character) {
    return "wch".includes(this.sign(character));
  }

  sign(character) {
    let sign = this.known.get(character);
    if (sign === undefined) {
      sign = this.find(character.codePointAt(0));
      this.known.set(character, sign);
    }
    return sign;
  }

  find(code) {
    let low = 0;
    let high = this.runs.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (code < this.runs[middle].end) high = middle;
      else low = middle + 1;
    }
    return this.runs[low].sign;
  }
}

/** letter: the class of letters, digits and _ of any script. */
function emoticons(letter) {
  const shapes = [
    `(?<!${letter})[:;=][-'o^]?(?:[dpx3]|/(?!/))(?!${letter})`, // :d ;p :-3 :/
    "[:;=][-'^]?[()[\\]|*]+", // :) :-(( =] :'( :*
    `(?<!${letter})[(]+[-'^]?[:;=](?![)]|${letter})`, // (: (-;
    `</?3(?!${letter})`, // <3 </3
    "\\^[-_.]?\\^",
    ">_+<",
    "-_+-",
    ";_;",
    `(?<!${letter})(?:t_+t|o_+o|u_+u)(?!${letter})`,
  ];
  return new RegExp(shapes.join("|"), "g");
}

/** part: a word without apostrophes, as a pattern of kinds. */
function tokens(part) {
  const shapes = [
    "[w#]vk", // keycap
    `${part}(?:'${part})*`, // word
    "c[mv]*", // character
    "h+", // Korean letters
    "f", // feeling
    "(?<dots>[.…]*…[.…]*|\\.\\.+)",
    "rr", // flag
    "[esr][svmkt]*(?:j[ew][svmkt]*)*", // emoji
  ];
  return new RegExp(shapes.join("|"), "g");
}
