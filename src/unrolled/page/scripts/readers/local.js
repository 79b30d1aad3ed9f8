// A reader whose models lie in the page itself: nothing is asked of anybody.

import { openModel } from "../engine/model.js";
import { Refusal } from "../engine/refusal.js";
import { ReaderError, REFUSED } from "./problem.js";

const WORK_TIME = 20; // milliseconds of work before what the user does is looked at

export class LocalReader {
  #file;
  #opened = new Map();

  /** file: {models, characters}, as the export wrote it. */
  constructor(file) {
    this.#file = file;
    this.models = Promise.resolve(file.models.map((model) => model.name));
  }

  async describe(name) {
    return this.#model(name).describe();
  }

  async explain(name, text, { signal, label } = {}) {
    const breathe = pauses(signal);
    return answered(() => this.#model(name).explain(text, { label: label || null, breathe }));
  }

  async explainStep(name, text, { layer, direction, step, unit }) {
    return answered(() => this.#model(name).explainStep(text, { layer, direction, step, unit }));
  }

  #model(name) {
    if (!this.#opened.has(name)) {
      const stored = this.#file.models.find((model) => model.name === name);
      this.#opened.set(name, openModel(stored, this.#file.characters));
    }
    return this.#opened.get(name);
  }
}

async function answered(work) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const title = "This cannot be explained";
    throw new ReaderError({ title, detail: error.message, status: REFUSED });
  }
}

/** Something to await often: it rests now and then, and ends work that nobody waits for. */
function pauses(signal) {
  let rested = performance.now();
  return async () => {
    if (performance.now() - rested > WORK_TIME) {
      await new Promise((resolve) => setTimeout(resolve));
      rested = performance.now();
    }
    signal?.throwIfAborted();
  };
}
