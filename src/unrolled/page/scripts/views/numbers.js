// Numbers as people read them: a true minus sign, a fixed count of digits, no -0.

const MINUS_SIGN = "\u2212";
const COUNT_FORMAT = new Intl.NumberFormat("en");

export function plainNumber(value, digits = 4) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? MINUS_SIGN + text : text;
}

// With a plus sign too: for what is a change, or a part of a sum.
export function signedNumber(value, digits = 4) {
  const text = plainNumber(value, digits);
  return text.startsWith(MINUS_SIGN) || Number(text) === 0 ? text : `+${text}`;
}

export function percentText(share, digits = 0) {
  return `${plainNumber(share * 100, digits)}\u00a0%`;
}

// A change of a probability; "points" because a percentage of a percentage misleads.
export function pointsText(change) {
  return `${signedNumber(change * 100, 1)}\u00a0points`;
}

export function countText(count, noun = "") {
  const number = COUNT_FORMAT.format(count);
  if (!noun) return number;
  return `${number} ${noun}${count === 1 ? "" : "s"}`;
}
