// One thing to ask of a reader at a time: the newest wins, and what may pass is asked for again.

import { SERVER_GONE } from "./readers/problem.js";

const PASSING_PROBLEMS = [SERVER_GONE, 502, 503, 504];
const LONGEST_WAIT = 8; // seconds

export class Patience {
  #abort = null;
  #action = null;
  #timer = null;
  #failures = 0;

  // onproblem(title, detail); ontoken(): the server wants one; onsuccess(): it answered.
  constructor({ onproblem, ontoken, onsuccess }) {
    Object.assign(this, { onproblem, ontoken, onsuccess });
    addEventListener("online", () => this.#timer && this.again());
  }

  // action: async (signal) => {}. An earlier one is given up.
  async attempt(action) {
    this.stop();
    this.#action = action;
    const { signal } = (this.#abort = new AbortController());
    try {
      await action(signal);
      if (signal.aborted) return;
      this.#failures = 0;
      this.onsuccess();
    } catch (error) {
      if (!signal.aborted) this.#judge(error);
    }
  }

  again() {
    if (this.#action) this.attempt(this.#action);
  }

  stop() {
    this.#abort?.abort();
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #judge(error) {
    if (error.name !== "ReaderError") {
      this.onproblem("Something went wrong in this page", error.message);
      throw error;
    }
    const { status, title, detail, retryAfter } = error;
    if (status === 401) {
      this.onproblem("A token is needed", "Enter it above; then the reading goes on.");
      this.ontoken();
    } else if (status === 429) {
      const seconds = this.#retryIn(retryAfter ?? 1);
      this.onproblem("The server is busy", `It is asked again in ${seconds} s.`);
    } else if (PASSING_PROBLEMS.includes(status)) {
      this.#retryIn(retryAfter ?? Math.min(LONGEST_WAIT, 0.5 * 2 ** this.#failures));
      this.#failures += 1;
      this.onproblem(title, "Your text is kept, and the reading goes on as soon as it is back.");
    } else this.onproblem(title, detail);
  }

  #retryIn(seconds) {
    this.#timer = setTimeout(() => this.again(), seconds * 1000);
    return seconds;
  }
}
