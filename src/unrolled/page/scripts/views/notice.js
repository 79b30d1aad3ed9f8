// What stands where a reading should be: a problem, a wait, a question for the token, nothing yet.

import { buildElement } from "./elements.js";

export class NoticeView {
  constructor() {
    this.title = buildElement("p", { class: "notice-title" });
    this.detail = buildElement("p", { class: "caption" });
    this.element = buildElement("div", { class: "card notice", role: "alert" }, this.title, this.detail);
    this.hide();
  }

  show(title, detail = "") {
    if (!this.element.hidden && this.title.textContent === title && this.detail.textContent === detail) {
      return; // read out once
    }
    this.title.textContent = title;
    this.detail.textContent = detail;
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
    this.title.textContent = "";
    this.detail.textContent = "";
  }
}

// A form for the token that a server wants; it goes to `onsubmit` and stays nowhere.
export class TokenForm {
  constructor(onsubmit) {
    this.input = buildElement("input", {
      type: "password",
      autocomplete: "off",
      id: "token",
      required: true,
    });
    this.problem = buildElement("p", { class: "caption", role: "status" });
    this.element = buildElement(
      "form",
      {
        class: "card token",
        onsubmit: (event) => {
          event.preventDefault();
          onsubmit(this.input.value.trim());
        },
      },
      buildElement("label", { for: "token" }, "This server asks for a token"),
      buildElement(
        "div",
        { class: "tools" },
        this.input,
        buildElement("button", { type: "submit" }, "Use it"),
      ),
      this.problem,
    );
    this.element.hidden = true;
  }

  ask() {
    this.problem.textContent = this.input.value
      ? "The server did not take that token."
      : "It is kept until this page is closed, and nowhere else.";
    const isNew = this.element.hidden;
    this.element.hidden = false;
    if (isNew) this.input.focus();
  }

  hide() {
    this.element.hidden = true;
    this.input.value = "";
  }
}
