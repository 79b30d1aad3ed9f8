// The page: a text, one or two models that read it, and what they have to say.

import { Column } from "./column.js";
import { Patience } from "./patience.js";
import { ComposerView } from "./views/composer.js";
import { buildElement } from "./views/elements.js";
import { NoticeView, TokenForm } from "./views/notice.js";
import { buildThemeSwitch } from "./views/theme.js";

const TYPING_WAIT = 250; // milliseconds after the last key

// reader: {models, describe, explain, explainStep}, and useToken where there is a server.
export function startPage(reader) {
  new Page(reader).open();
}

class Page {
  #columns = [];
  #method = "deletion";
  #timer = null;

  constructor(reader) {
    this.reader = reader;
    this.composer = new ComposerView({
      ontext: (text, isTyped) => this.#textChanged(text, isTyped),
      onmodel: (name) => this.#show(name, this.#columns[1]?.name ?? ""),
      onbeside: (name) => this.#show(this.#columns[0].name, name),
    });
    this.notice = new NoticeView();
    this.token = new TokenForm((token) => this.#useToken(token));
    this.readings = buildElement("div", { class: "readings" });
    this.news = {
      ontoken: () => this.token.ask(),
      onsuccess: () => this.token.hide(),
      onmodel: (model) => this.#modelDescribed(model),
      onmethod: (method) => this.#useMethod(method),
      onstep: (column, steps, step) => {
        for (const other of this.#columns) if (other !== column) other.follow(steps, step);
      },
    };
    this.opening = new Patience({
      ...this.news,
      onproblem: (title, detail) => this.notice.show(title, detail),
    });
  }

  open() {
    const repaint = () => this.#columns.forEach((column) => column.view.repaint());
    document.querySelector("#theme").replaceChildren(buildThemeSwitch(repaint));
    const { composer, token, notice, readings } = this;
    document
      .querySelector("#page")
      .append(composer.element, token.element, notice.element, readings);
    this.opening.attempt(async () => {
      const names = await this.reader.models;
      this.notice.hide();
      this.composer.offerModels(names);
      this.#show(names[0], "");
    });
  }

  // Show these models and no others; a column that stays is not read again.
  #show(first, second) {
    const names = [first, second === first ? "" : second].filter(Boolean);
    const kept = new Map(this.#columns.map((column) => [column.name, column]));
    for (const [name, column] of kept) if (!names.includes(name)) column.close();
    this.#columns = names.map((name) => kept.get(name) ?? this.#openColumn(name));
    this.readings.className = names.length > 1 ? "readings pair" : "readings alone";
    this.readings.replaceChildren(...this.#columns.map((column) => column.view.element));
  }

  #openColumn(name) {
    const column = new Column(this.reader, name, this.news);
    column.useMethod(this.#method);
    column.read(this.composer.text);
    return column;
  }

  // The first model's examples; the page begins with one of them, so that it shows what it does.
  #modelDescribed(model) {
    if (model.name !== this.#columns[0]?.name) return;
    const isFirst = this.composer.examples.childElementCount === 0;
    this.composer.offerExamples(model.examples ?? []);
    if (isFirst && this.composer.isUntouched && model.examples?.length) {
      queueMicrotask(() => this.composer.use(model.examples[0]));
    }
  }

  // The empty text is shown at once: there is nothing to wait for.
  #textChanged(text, isTyped) {
    clearTimeout(this.#timer);
    const read = () => this.#columns.forEach((column) => column.read(text));
    if (isTyped && text.trim()) this.#timer = setTimeout(read, TYPING_WAIT);
    else read();
  }

  #useMethod(method) {
    this.#method = method;
    this.#columns.forEach((column) => column.useMethod(method));
  }

  #useToken(token) {
    this.reader.useToken(token);
    if (this.#columns.length === 0) this.opening.again();
    this.#columns.forEach((column) => column.again());
  }
}
