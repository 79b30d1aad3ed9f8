// From the network's outputs to probabilities and labels, by the rules that the model was given.

const CLIP = 1e-7; // what is kept from 0 and 1 before a logarithm
const NEUTRAL = 0.5;

export class Decision {
  constructor(settings, classes, several) {
    this.settings = settings;
    this.classes = classes;
    this.several = several;
  }

  /** Probability of each class, calibrated; numbers of four bytes, as Python keeps them. */
  probabilities(outputs) {
    const alone = !this.several && outputs.length === 1;
    const given = alone ? Float32Array.of(1 - outputs[0], outputs[0]) : outputs;
    const { temperature, multi_label: isEach } = this.settings;
    if (temperature === 1) return given;
    const calibrated = isEach ? warmedEach(given, temperature) : warmed(given, temperature);
    return Float32Array.from(calibrated);
  }

  /** Gradient of a class's probability by the sums that the outputs were made of. */
  slope(outputs, explained) {
    const own = this.probabilities(outputs);
    const { temperature } = this.settings;
    const alone = (own[explained] * (1 - own[explained])) / temperature;
    const sharesSum = outputs.length === 1 && !this.several;
    if (sharesSum) return Float32Array.of(explained === 1 ? alone : -alone);
    return own.map((probability, number) => {
      if (number === explained) return alone;
      return this.several ? 0 : (-own[explained] * probability) / temperature;
    });
  }

  /** The label, or labels, or null; and how probable that is. */
  answer(probabilities) {
    return this.several ? this.answerMany(probabilities) : this.answerOne(probabilities);
  }

  answerOne(probabilities) {
    const { number, passes } = this.choose(probabilities);
    if (!passes || probabilities[number] < this.settings.abstain_below) {
      return { label: null, probability: Math.max(...probabilities) };
    }
    return { label: this.classes[number], probability: probabilities[number] };
  }

  answerMany(probabilities) {
    const lines = this.settings.thresholds ?? this.classes.map(() => NEUTRAL);
    const numbers = this.classes.map((_, number) => number);
    const chosen = numbers.filter((number) => probabilities[number] > lines[number]);
    const least = Math.min(...chosen.map((number) => probabilities[number]));
    const none = Math.fround(1 - Math.max(...probabilities));
    return {
      label: chosen.map((number) => this.classes[number]),
      probability: chosen.length ? least : none,
    };
  }

  choose(probabilities) {
    const { thresholds, weights } = this.settings;
    if (thresholds !== null && probabilities.length === 2) {
      return { number: probabilities[1] > thresholds[0] ? 1 : 0, passes: true };
    }
    if (weights !== null) {
      const weighed = Array.from(probabilities, (probability, at) => probability * weights[at]);
      return { number: firstLargest(weighed), passes: true };
    }
    const number = firstLargest(probabilities);
    return { number, passes: thresholds === null || probabilities[number] > thresholds[number] };
  }
}

export function firstLargest(values) {
  return values.indexOf(Math.max(...values));
}

/** Probabilities that sum to one, their logits divided by the temperature. */
function warmed(probabilities, temperature) {
  const logits = Array.from(probabilities, (given) => Math.log(keptFromEnds(given)) / temperature);
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const total = powers.reduce((before, power) => before + power, 0);
  return powers.map((power) => power / total);
}

/** The same of probabilities each of its own. */
function warmedEach(probabilities, temperature) {
  return Array.from(probabilities, (probability) => {
    const given = keptFromEnds(probability);
    return 1 / (1 + Math.exp(-(Math.log(given) - Math.log1p(-given)) / temperature));
  });
}

function keptFromEnds(probability) {
  return Math.min(Math.max(probability, CLIP), 1 - CLIP);
}
