// The colours of what is drawn on a canvas, taken from the style sheet in the theme of the moment.

import { buildHidden } from "./elements.js";

const COLOUR_NAMES = ["ink", "faint", "rule", "card", "towards", "against", "cold", "warm", "even", "mark"];
const SHADE_COUNT = 127; // on each side of zero

export class Palette {
  #probe = buildHidden("span", { "aria-hidden": "true" });
  #scale = null;

  constructor(parent) {
    parent.append(this.#probe);
  }

  // Look the colours up, in the document: when it is first drawn, and when the theme has changed.
  refresh() {
    for (const name of COLOUR_NAMES) this[name] = this.#lookUp(name);
    this.font = getComputedStyle(this.#probe).fontFamily;
    this.#scale = null;
  }

  // Bytes r, g, b of a value from -1 (against) over 0 to 1 (towards).
  shade(value) {
    this.#scale ??= shadesBetween(...["warm", "even", "cold"].map((name) => colourChannels(this[name])));
    const place = Math.round((Math.max(-1, Math.min(1, value || 0)) + 1) * SHADE_COUNT);
    return this.#scale[place];
  }

  #lookUp(name) {
    this.#probe.style.color = `var(--${name})`;
    return getComputedStyle(this.#probe).color;
  }
}

function colourChannels(color) {
  return color.match(/[\d.]+/g).slice(0, 3).map(Number);
}

function shadesBetween(low, middle, high) {
  return Array.from({ length: 2 * SHADE_COUNT + 1 }, (_, place) => {
    const value = place / SHADE_COUNT - 1;
    const end = value < 0 ? low : high;
    return middle.map((channel, index) =>
      Math.round(channel + (end[index] - channel) * Math.abs(value) ** 0.8),
    );
  });
}
