// One model and its column: asks the reader, keeps which step is looked at, tells the view.

import { Patience } from "./patience.js";
import { REFUSED } from "./readers/problem.js";
import { ReadingView } from "./views/reading.js";
import { Steps } from "./views/steps.js";

const STEP_WAIT = 60; // milliseconds: an arrow key that is held down asks once

export class Column {
  #text = "";
  #label = "";
  #method = "deletion";
  #model = null;
  #steps = null;
  #timer = null;

  // news: {ontoken, onsuccess, onmodel(model), onmethod(method), onstep(column, steps, step)}.
  constructor(reader, name, news) {
    this.reader = reader;
    this.name = name;
    this.news = news;
    this.view = new ReadingView({
      onstep: (step) => this.#choose(step),
      onchoice: ({ step }) => this.#choose(step),
      onlabel: (label) => this.#explain(label),
      onmethod: news.onmethod,
    });
    const { ontoken, onsuccess } = news;
    const onproblem = (title, detail) => this.view.problem(title, detail);
    this.reading = new Patience({ onproblem, ontoken, onsuccess });
    const onpart = (title, detail) => this.view.inspector.problem(title, detail);
    this.inspecting = new Patience({ onproblem: onpart, ontoken, onsuccess });
  }

  // Read a text, whatever is under way; the empty one clears the column.
  read(text) {
    this.#text = text.trim() ? text : "";
    this.#stopInspecting();
    return this.reading.attempt((signal) => this.#run(signal));
  }

  useMethod(method) {
    this.#method = method;
    this.view.showMethod(this.#steps, method);
  }

  // Look at the step that reads the word which another column looks at.
  follow(steps, step) {
    const same = this.#steps?.sameAs(steps, step) ?? null;
    if (same !== null) this.#choose(same, false);
  }

  again() {
    this.reading.again();
  }

  close() {
    this.reading.stop();
    this.#stopInspecting();
    this.view.element.remove();
  }

  async #run(signal) {
    if (!this.#model) await this.#describe(signal);
    const text = this.#text;
    if (!text) return this.#clear();
    this.view.busy(true);
    const explanation = await this.#explanation(text, signal);
    signal.throwIfAborted();
    const { labels } = this.#model;
    if (String(explanation.classes) !== String(labels)) await this.#describe(signal);
    this.#show(new Steps(explanation), text);
  }

  async #describe(signal) {
    const model = await this.reader.describe(this.name, { signal });
    signal.throwIfAborted();
    this.#model = model;
    if (!model.labels.includes(this.#label)) this.#label = "";
    this.view.describe(model, this.#label);
    this.news.onmodel(model);
  }

  // A label that is refused may be of a model whose place another one has taken.
  async #explanation(text, signal) {
    const label = this.#label || null;
    try {
      return await this.reader.explain(this.name, text, { signal, label });
    } catch (error) {
      if (!label || error.status !== REFUSED) throw error;
      await this.#describe(signal);
      if (this.#label) throw error;
      return this.reader.explain(this.name, text, { signal });
    }
  }

  #show(steps, text) {
    if (steps.count === 0) return this.#clear();
    const isSame = this.#steps?.text === text && this.#steps.count === steps.count;
    steps.text = text;
    this.#steps = steps;
    const step = isSame ? this.view.trace.chosen.step : steps.count - 1;
    this.view.show(steps, step, this.#method);
    this.#inspectSoon();
  }

  #clear() {
    this.#steps = null;
    this.view.clear();
  }

  #explain(label) {
    this.#label = label;
    this.read(this.#text);
  }

  #choose(step, isNews = true) {
    this.view.choose(this.#steps, step);
    this.#inspectSoon();
    if (isNews) this.news.onstep(this, this.#steps, step);
  }

  #inspectSoon() {
    this.#stopInspecting();
    this.#timer = setTimeout(() => this.#inspect(), STEP_WAIT);
  }

  #inspect() {
    const text = this.#text;
    const { layer, direction, step, unit } = this.view.trace.chosen;
    this.inspecting.attempt(async (signal) => {
      const place = { layer, direction, step, unit, signal };
      const arithmetic = await this.reader.explainStep(this.name, text, place);
      signal.throwIfAborted();
      this.view.inspector.show(arithmetic);
    });
  }

  #stopInspecting() {
    clearTimeout(this.#timer);
    this.inspecting.stop();
  }
}
