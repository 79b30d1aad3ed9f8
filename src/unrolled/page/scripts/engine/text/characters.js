// Every character of a text, after canonical composition.

export function characterTokenizer(unicode) {
  return (text) => Array.from(unicode.composed(text));
}
