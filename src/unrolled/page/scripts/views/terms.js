// The products of a sum: the largest first, the rest as one that unfolds.

import { buildElement } from "./elements.js";
import { plainNumber, signedNumber } from "./numbers.js";

const SHOWN_TERMS = 6;

// terms: {of, value, weight, product} each. isOpen, onopen: whether the rest is unfolded, and news.
export function buildTerms(title, part, terms, total, { isOpen, onopen }) {
  const sorted = [...terms].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  const largest = Math.max(1e-9, Math.abs(sorted[0]?.product ?? 0));
  const shown = sorted.length > SHOWN_TERMS + 1 ? sorted.slice(0, SHOWN_TERMS) : sorted;
  const rest = sorted.slice(shown.length);
  const rows = buildElement("tbody", {}, ...shown.map((term) => termRow(term, largest)));
  if (rest.length) rows.append(restRow(rest, { largest, isOpen, onopen }));
  if (rest.length && isOpen) rows.append(...rest.map((term) => termRow(term, largest)));
  const sum = buildElement(
    "tr",
    {},
    buildElement("th", { scope: "row", colspan: "2" }, `sum of ${terms.length}`),
    buildElement("td", { class: "number", "data-total": part }, signedNumber(total)),
    buildElement("td", { class: "bar-cell" }),
  );
  const head = ["from", "value × weight", "product", ""].map((text) =>
    text ? buildElement("th", { scope: "col" }, text) : buildElement("td", { class: "bar-cell" }),
  );
  return buildElement(
    "table",
    { class: "terms", "data-terms": part },
    buildElement("caption", {}, title),
    buildElement("thead", {}, buildElement("tr", {}, ...head)),
    rows,
    buildElement("tfoot", {}, sum),
  );
}

function termRow({ of, value, weight, product }, largest) {
  return buildElement(
    "tr",
    { class: "term" },
    buildElement("th", { scope: "row", dir: "auto" }, of),
    buildElement("td", {}, `${plainNumber(value)} × ${plainNumber(weight)}`),
    buildElement("td", { class: "number" }, signedNumber(product)),
    buildElement("td", { class: "bar-cell" }, barOf(product, largest)),
  );
}

function barOf(product, largest) {
  const bar = buildElement("span", { class: product < 0 ? "bar against" : "bar towards" });
  bar.setAttribute("aria-hidden", "true");
  bar.style.setProperty("--share", (Math.abs(product) / largest).toFixed(3));
  return bar;
}

// Folded it stands for the sum of the rest; unfolded its terms speak for themselves.
function restRow(rest, { largest, isOpen, onopen }) {
  const product = rest.reduce((sum, term) => sum + term.product, 0);
  const button = buildElement("button", { type: "button", class: "link" });
  const number = buildElement("td", { class: "number" });
  const bar = buildElement("td", { class: "bar-cell" });
  const head = buildElement("th", { scope: "row", colspan: "2" }, button);
  const row = buildElement("tr", { class: "rest" }, head, number, bar);
  function show(open) {
    button.setAttribute("aria-expanded", String(open));
    button.textContent = open ? `${rest.length} more, one by one` : `${rest.length} more`;
    number.textContent = open ? "" : signedNumber(product);
    bar.replaceChildren(...(open ? [] : [barOf(product, largest)]));
  }
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    if (open) row.after(...rest.map((term) => termRow(term, largest)));
    else while (row.nextElementSibling) row.nextElementSibling.remove();
    show(open);
    onopen(open);
  });
  show(isOpen);
  return row;
}
