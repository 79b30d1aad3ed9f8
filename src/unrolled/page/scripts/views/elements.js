// Elements of the page from plain data. Text goes in as text: nothing here can become markup.

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

// properties: attributes; "class"; "on..." are listeners; null and false leave an attribute out.
export function buildElement(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

export function buildShape(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG_NAMESPACE, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// A labelled choice; options: [value, text] pairs. Its chosen value goes to `onchoose`.
export function buildChoice(label, options, chosen, onchoose) {
  const select = buildElement("select", { onchange: () => onchoose(select.value) });
  fillChoice(select, options, chosen);
  return buildLabelled(label, select);
}

// Give a choice new options, unless it has them already: an open list must not close.
export function fillChoice(select, options, chosen) {
  const key = JSON.stringify(options);
  if (select.dataset.options !== key) {
    select.dataset.options = key;
    select.replaceChildren(
      ...options.map(([value, text]) => buildElement("option", { value }, text)),
    );
  }
  select.value = chosen;
}

// A control and its label, beside each other.
export function buildLabelled(label, control) {
  control.id = nextId("control");
  const name = buildElement("label", { for: control.id }, label);
  return buildElement("span", { class: "choice" }, name, control);
}

let idCount = 0;

export function nextId(kind) {
  idCount += 1;
  return `${kind}-${idCount}`;
}

// A row of which one is chosen, as radio buttons: arrow keys move, as everywhere.
export function buildSwitch(label, options, chosen, onchoose) {
  const name = nextId("switch");
  const parts = options.map(([value, text, title]) =>
    buildElement(
      "label",
      { title },
      buildElement("input", {
        type: "radio",
        name,
        value,
        checked: value === chosen,
        onchange: () => onchoose(value),
      }),
      buildElement("span", {}, text),
    ),
  );
  return buildElement(
    "fieldset",
    { class: "switch" },
    buildElement("legend", {}, label),
    buildElement("div", {}, ...parts),
  );
}

// What is read out and not seen.
export function buildHidden(tag, properties = {}, ...children) {
  return buildElement(tag, { ...properties, class: "unseen" }, ...children);
}
