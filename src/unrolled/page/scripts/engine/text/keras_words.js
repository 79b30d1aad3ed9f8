// Words as Keras finds them: small letters between spaces.

const KERAS_SEPARATORS = /[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~\t\n]/g;

export function kerasTokenizer(unicode) {
  return (text) => unicode.lower(text).replace(KERAS_SEPARATORS, " ").split(" ").filter(Boolean);
}
