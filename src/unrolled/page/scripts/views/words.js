// The text as it was read, each word coloured by what it did to the probability.

import { buildElement } from "./elements.js";
import { countText, percentText, signedNumber } from "./numbers.js";

const IMPORTANCE_CAPTIONS = {
  deletion:
    "Blue words speak for the explained class and orange ones against it: " +
    "that is how far its probability falls or rises when the word is left out.",
  gradients:
    "Blue words speak for the explained class and orange ones against it: the slopes of the " +
    "probability along the way from no word at all (integrated gradients), shared among the words.",
};

export class WordsView {
  #steps = null;
  #method = "deletion";
  #options = []; // {element, step}: a folded run of padding is one option of its last step
  #place = new Map(); // step -> number of its option
  #chosen = null;

  constructor({ onstep, onopen }) {
    this.onstep = onstep;
    this.onopen = onopen;
    this.caption = buildElement("p", { class: "caption" });
    this.low = buildElement("span");
    this.high = buildElement("span");
    this.key = buildElement(
      "span",
      { class: "key" },
      buildElement("span", { class: "unknown" }, "dotted"),
      " not in the vocabulary",
    );
    this.legend = buildElement(
      "p",
      { class: "legend" },
      this.low,
      buildElement("span", { class: "ramp soft", "aria-hidden": "true" }),
      this.high,
      this.key,
    );
    this.list = buildElement("div", {
      class: "words",
      role: "listbox",
      "aria-label": "The words, by importance",
      "aria-orientation": "horizontal",
      onclick: (event) => this.#clicked(event),
      onkeydown: (event) => this.#pressed(event),
    });
    this.note = buildElement("p", { class: "caption" });
    this.element = buildElement(
      "section",
      { class: "card" },
      buildElement("h3", {}, "What each word did"),
      this.caption,
      this.list,
      this.legend,
      this.note,
    );
  }

  // step: the one that is looked at.
  show(steps, step, method) {
    this.#steps = steps;
    this.#method = method;
    this.#layOut();
    this.#colour();
    this.note.textContent = cutText(steps.explanation);
    this.note.hidden = !this.note.textContent;
    this.caption.textContent = IMPORTANCE_CAPTIONS[method];
    this.choose(step);
  }

  // Mark the option of a step; `focused` moves the keyboard there too.
  choose(step, focused = false) {
    const before = this.#options[this.#chosen]?.element;
    before?.setAttribute("aria-selected", "false");
    before?.setAttribute("tabindex", "-1");
    this.#chosen = this.#place.get(step) ?? null;
    const element = this.#options[this.#chosen]?.element;
    if (!element) return;
    element.setAttribute("aria-selected", "true");
    element.setAttribute("tabindex", "0");
    if (focused) element.focus({ preventScroll: true });
    showInside(this.list, element);
  }

  get hasFocus() {
    return this.list.contains(document.activeElement);
  }

  // One option a step or run, in elements that stay where they are while a text grows.
  #layOut() {
    const steps = this.#steps;
    this.#options = [];
    this.#place.clear();
    this.#chosen = null;
    for (let step = 0; step < steps.count; step += 1) {
      const run = steps.runOf(step);
      for (let folded = step; run && folded < run.to; folded += 1) {
        this.#place.set(folded, this.#options.length);
      }
      const last = run ? run.to - 1 : step;
      const name = run ? `${run.to - run.from} × padding` : steps.name(step);
      this.#place.set(last, this.#options.length);
      this.#options.push({ step: last, name, element: this.#elementAt(this.#options.length) });
      step = last;
    }
    while (this.list.childElementCount > this.#options.length) this.list.lastElementChild.remove();
  }

  #elementAt(place) {
    const there = this.list.children[place];
    if (there) return there;
    const made = buildElement("span", { role: "option", dir: "auto" });
    this.list.append(made);
    return made;
  }

  #colour() {
    const steps = this.#steps;
    const largest = steps.largest(this.#method);
    const toClass = `towards ${steps.explanation.explained}`;
    this.#options.forEach(({ element, step, name }, place) => {
      const value = steps.importance(this.#method, step);
      const kind = steps.explanation.kinds[step];
      const share = Math.abs(value ?? 0) / largest;
      const side = value === null || share < 0.02 ? "" : value > 0 ? "towards" : "against";
      const said = value === null ? kind : `${signedNumber(value)} ${value < 0 ? "against" : "towards"}`;
      element.textContent = name;
      element.className = `${kind} ${side}`;
      element.style.setProperty("--share", share.toFixed(3));
      element.dataset.place = place;
      element.setAttribute("tabindex", "-1");
      element.setAttribute("aria-selected", "false");
      element.setAttribute("aria-label", `${name}, ${said}${kind === "unknown" ? ", unknown" : ""}`);
      element.title = `${said}; after it ${percentText(steps.probability(step), 1)}`;
    });
    this.key.hidden = !steps.explanation.kinds.includes("unknown");
    this.low.textContent = `${signedNumber(-largest, 3)} against`;
    this.high.textContent = `${signedNumber(largest, 3)} ${toClass}`;
  }

  #clicked(event) {
    const option = event.target.closest("[role=option]");
    if (option) this.#go(Number(option.dataset.place));
  }

  #pressed(event) {
    const last = this.#options.length - 1;
    const place = Number(document.activeElement?.dataset.place ?? this.#chosen ?? 0);
    const target = {
      ArrowRight: place + 1,
      ArrowDown: place + 1,
      ArrowLeft: place - 1,
      ArrowUp: place - 1,
      Home: 0,
      End: last,
      " ": place,
      Enter: place,
    }[event.key];
    if (target === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#go(Math.max(0, Math.min(last, target)));
    if (event.key === "Enter") this.onopen();
  }

  #go(place) {
    const option = this.#options[place];
    if (!option) return;
    option.element.focus({ preventScroll: true });
    this.onstep(option.step);
  }
}

// Scroll a box, and nothing around it, until an element in it is seen.
function showInside(box, element) {
  const outer = box.getBoundingClientRect();
  const inner = element.getBoundingClientRect();
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top + 8;
  if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + 8;
}

// Which words of a text were cut, as far as the places of those read tell.
function cutText({ was_cut: wasCut, places }) {
  if (!wasCut) return "";
  const read = places.filter((place) => place !== null);
  const inside = read.length ? read.at(-1) - read[0] + 1 - read.length : 0;
  if (inside) return `${countText(inside, "token")} in the middle of the text were not read.`;
  if (read[0] > 0) return `The first ${countText(read[0], "token")} of the text were not read.`;
  return "The end of the text was not read.";
}
