// One model's column: everything that is seen of its reading of the text, and of itself.

import { AnswerView } from "./answer.js";
import { buildChoice, buildElement, buildSwitch, fillChoice, nextId } from "./elements.js";
import { buildFacts } from "./facts.js";
import { InspectorView } from "./inspector.js";
import { NoticeView } from "./notice.js";
import { countText, percentText } from "./numbers.js";
import { TraceView } from "./trace.js";
import { buildTraining } from "./training.js";
import { WordsView } from "./words.js";

const METHOD_OPTIONS = [
  ["deletion", "Deletion", "How far the probability falls when the word is left out"],
  ["gradients", "Gradients", "Integrated gradients: the slope of the probability, shared by words"],
];
const LIKELIEST = "";

export class ReadingView {
  #model = null;

  // handlers: onstep(step), onchoice(choice), onlabel(label), onmethod(method).
  constructor(handlers) {
    this.handlers = handlers;
    this.answer = new AnswerView();
    this.words = new WordsView({ onstep: handlers.onstep, onopen: () => this.inspector.focus() });
    this.trace = new TraceView({ onchoice: handlers.onchoice });
    this.inspector = new InspectorView({
      onunit: (unit) => this.trace.move({ unit }),
      onstep: (change) => this.trace.move({ step: this.trace.chosen.step + change }),
    });
    this.notice = new NoticeView();
    this.#build();
  }

  #build() {
    this.labelChoice = buildChoice("Explain", [], LIKELIEST, this.handlers.onlabel);
    this.methodSwitch = buildSwitch("Importance by", METHOD_OPTIONS, "deletion", this.handlers.onmethod);
    this.words.caption.after(
      buildElement("div", { class: "tools" }, this.methodSwitch, this.labelChoice),
    );
    const id = nextId("reading");
    this.title = buildElement("h2", { id }, "…");
    this.summary = buildElement("p", { class: "summary" });
    this.empty = buildElement(
      "p",
      { class: "card empty" },
      "Write something above, or choose an example: the network reads it word by word.",
    );
    this.results = buildElement(
      "div",
      { class: "results" },
      this.answer.element,
      this.words.element,
      this.trace.element,
      this.inspector.element,
    );
    this.results.hidden = true;
    this.about = buildElement("div", { class: "about" });
    this.element = buildElement(
      "section",
      { class: "reading", "aria-labelledby": id },
      buildElement("div", { class: "reading-head" }, this.title, this.summary),
      this.notice.element,
      this.empty,
      this.results,
      this.about,
    );
  }

  // label: the class that is explained, "" for the likeliest.
  describe(model, label) {
    this.#model = model;
    this.title.textContent = model.name;
    this.summary.textContent = summaryText(model);
    this.about.replaceChildren(...[buildTraining(model), buildFacts(model)].filter(Boolean));
    const options = [[LIKELIEST, "the likeliest class"], ...model.labels.map((name) => [name, name])];
    fillChoice(this.labelChoice.querySelector("select"), options, label);
  }

  show(steps, step, method) {
    this.#settle(true);
    this.answer.show(steps.explanation, this.#model.name);
    this.words.show(steps, step, method);
    this.trace.show(steps, step);
    this.choose(steps, step);
  }

  // Colours by the other method, of the steps that are shown.
  showMethod(steps, method) {
    this.methodSwitch.querySelector(`[value=${method}]`).checked = true;
    if (steps) this.words.show(steps, this.trace.chosen.step, method);
  }

  choose(steps, step) {
    this.words.choose(step, this.words.hasFocus);
    this.trace.choose(step);
    this.inspector.expect(steps, this.trace.chosen, this.trace.layer.units);
  }

  clear() {
    this.#settle(false);
    this.answer.clear();
  }

  problem(title, detail) {
    this.#settle(false);
    this.empty.hidden = true;
    this.notice.show(title, detail);
    this.answer.clear();
  }

  busy(isBusy) {
    this.element.setAttribute("aria-busy", String(isBusy));
  }

  repaint() {
    this.trace.repaint();
  }

  #settle(hasResults) {
    this.busy(false);
    this.notice.hide();
    this.results.hidden = !hasResults;
    this.empty.hidden = hasResults;
  }
}

function summaryText({ layers = [], parameters, metrics = {} }) {
  const kinds = layers.map((layer) => layer.kind).join(" → ");
  const accuracy = metrics.val_accuracy;
  const right = Number.isFinite(accuracy) ? `${percentText(accuracy, 1)} of texts held back right` : "";
  return [kinds, countText(parameters, "parameter"), right].filter(Boolean).join(" · ");
}
