// Ids brought to the length that a network reads.

import { PADDING, START, UNKNOWN } from "./vocabulary.js";

/** What of a text the network reads, by the recipe's section "text".
 *
 * ids: of the text's tokens -> ids of the steps; places: which token each step is, null for
 * padding, the start, and what is read in place of nothing.
 */
export function prepared(ids, settings) {
  const all = ids.map((id, place) => ({ id, place }));
  if (settings.start_token) all.unshift({ id: START, place: null });
  const kept = shortened(all, settings);
  const steps = [...filling(kept.length, settings), ...kept];
  return { ids: steps.map((step) => step.id), places: steps.map((step) => step.place) };
}

/** Whether the network cannot read all ids of a text. */
export function wasCut(ids, settings) {
  const count = ids.length + (settings.start_token ? 1 : 0);
  return settings.maxlen !== null && count > settings.maxlen;
}

function shortened(steps, { maxlen, keep }) {
  if (maxlen === null || steps.length <= maxlen) return steps;
  const head = { tail: 0, head: maxlen, both: Math.floor(maxlen / 2) }[keep];
  return [...steps.slice(0, head), ...steps.slice(steps.length - (maxlen - head))];
}

/** What stands in front of so many steps: a network must read something. */
function filling(count, settings) {
  if (settings.padding === "keras") {
    return Array(settings.maxlen - count).fill({ id: PADDING, place: null });
  }
  return count ? [] : [{ id: UNKNOWN, place: null }];
}
