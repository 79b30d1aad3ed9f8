// A model card's Markdown, as much of it as cards use, as elements. What is not known stays text.

import { buildElement } from "./elements.js";

export function buildCard(markdown) {
  const blocks = [];
  const lines = markdown.split("\n");
  while (lines.length) blocks.push(takeBlock(lines));
  return blocks.filter(Boolean);
}

// Takes the lines of one block off the front.
function takeBlock(lines) {
  const line = lines.shift();
  if (!line.trim()) return null;
  if (line.startsWith("```")) return takeCode(lines);
  if (line.startsWith("|")) return takeTable(line, lines);
  const heading = line.match(/^#+ (.*)/);
  if (heading) return buildElement("h4", {}, ...inlineParts(heading[1]));
  if (/^[-*] /.test(line)) return takeList(line, lines);
  const text = [line, ...takeWhile(lines, (next) => next.trim() && !/^(#|\||```|[-*] )/.test(next))];
  return buildElement("p", {}, ...inlineParts(text.join(" ")));
}

function takeWhile(lines, isWanted) {
  const taken = [];
  while (lines.length && isWanted(lines[0])) taken.push(lines.shift());
  return taken;
}

function takeCode(lines) {
  const code = takeWhile(lines, (line) => !line.startsWith("```"));
  lines.shift();
  return buildElement("pre", { tabindex: "0" }, code.join("\n"));
}

function takeTable(line, lines) {
  const rows = [line, ...takeWhile(lines, (next) => next.startsWith("|"))];
  const cells = rows
    .filter((row) => !/^\|[\s:|-]+\|$/.test(row))
    .map((row) => row.replace(/^\||\|\s*$/g, "").split("|"));
  const made = cells.map((row, place) =>
    buildElement(
      "tr",
      {},
      ...row.map((text) => buildElement(place ? "td" : "th", {}, ...inlineParts(text.trim()))),
    ),
  );
  const box = { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of the card" };
  return buildElement("div", box, buildElement("table", {}, buildElement("tbody", {}, ...made)));
}

function takeList(line, lines) {
  const items = [line, ...takeWhile(lines, (next) => /^[-*] |^ +\S/.test(next))];
  const texts = [];
  for (const item of items) {
    if (/^[-*] /.test(item)) texts.push(item.slice(2));
    else texts[texts.length - 1] += ` ${item.trim()}`;
  }
  return buildElement("ul", {}, ...texts.map((text) => buildElement("li", {}, ...inlineParts(text))));
}

// `code` and **strong**.
function inlineParts(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (/^`.+`$/.test(part)) return buildElement("code", {}, part.slice(1, -1));
    if (/^\*\*.+\*\*$/.test(part)) return buildElement("strong", {}, part.slice(2, -2));
    return part;
  });
}
