// A reader that asks the server that the page came from.

import { ReaderError } from "./problem.js";

export class RemoteReader {
  #token = ""; // in memory only: a reload forgets it
  #models = null;

  // Names of the models, the default first. A failure is not kept: the next look asks again.
  get models() {
    this.#models ??= this.#ask("v1/model").then(
      (model) => model.models,
      (error) => {
        this.#models = null;
        throw error;
      },
    );
    return this.#models;
  }

  useToken(token) {
    this.#token = token;
  }

  describe(name, { signal } = {}) {
    return this.#ask(`v1/model?name=${encodeURIComponent(name)}`, { signal });
  }

  explain(name, text, { signal, label } = {}) {
    const body = { model: name, text };
    if (label) body.label = label;
    return this.#ask("v1/explain", { body, signal });
  }

  explainStep(name, text, { layer, direction, step, unit, signal }) {
    const body = { model: name, text, layer, direction, step, unit };
    return this.#ask("v1/explain/step", { body, signal });
  }

  async #ask(path, { body, signal } = {}) {
    const headers = { accept: "application/json" };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    const options = { headers, signal, cache: "no-store", credentials: "omit" };
    if (body) {
      headers["content-type"] = "application/json";
      options.method = "POST";
      options.body = JSON.stringify(body);
    }
    let response;
    try {
      response = await fetch(path, options);
      if (response.ok) return await response.json();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ReaderError({ title: "The server does not answer" });
    }
    throw await problemOf(response);
  }
}

async function problemOf(response) {
  const seconds = Number.parseFloat(response.headers.get("retry-after"));
  const problem = inPlainWords(await response.json().catch(() => ({})));
  return new ReaderError({
    title: problem.title || `The server answered ${response.status}`,
    detail: typeof problem.detail === "string" ? problem.detail : "",
    status: response.status,
    retryAfter: Number.isFinite(seconds) ? seconds : null,
  });
}

// A text that cannot be taken, as the page would say it if its model lay in the page.
function inPlainWords(problem) {
  const reason = problem.type === "urn:unrolled:problem:unfit-body" && problem.errors?.[0]?.detail;
  return reason ? { ...problem, title: "This cannot be explained", detail: reason } : problem;
}
