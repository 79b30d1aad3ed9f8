// A model that lies in the page: its answer to a text, and how it came to it.

import { Decision } from "./decision.js";
import { arithmeticOf } from "./explain/arithmetic.js";
import { explanationOf } from "./explain/explanation.js";
import { unknownShare } from "./explain/read_steps.js";
import { Network } from "./network/network.js";
import { readWeights } from "./network/weights.js";
import { Refusal } from "./refusal.js";
import { prepared, wasCut } from "./text/sequences.js";
import { Vocabulary } from "./text/vocabulary.js";

const ENGINE_PARTS = ["network", "weights", "vocabulary", "text", "decision"];
const IMPORTANCES = ["deletion", "gradients"];

/** stored: one model of the file. characters: what the file knows of characters. */
export function openModel(stored, characters) {
  return new LocalModel(stored, characters);
}

class LocalModel {
  constructor(stored, characters) {
    this.stored = stored;
    this.classes = stored.labels.map(String);
    this.several = stored.multi_label;
    this.text = stored.text;
    this.vocabulary = new Vocabulary(stored.vocabulary, characters);
    this.network = new Network(stored.network, readWeights(stored.weights));
    this.decision = new Decision(stored.decision, this.classes, this.several);
  }

  /** What a server would tell about the model. */
  describe() {
    return Object.fromEntries(
      Object.entries(this.stored).filter(([name]) => !ENGINE_PARTS.includes(name)),
    );
  }

  predict(text) {
    const { ids } = this.vocabulary.encode(text);
    const reading = { unknownShare: unknownShare(ids), wasCut: wasCut(ids, this.text) };
    return this.answer(this.probabilities(prepared(ids, this.text).ids), reading);
  }

  /** A promise of the explanation; see explanationOf for the options. */
  explain(text, { label = null, importance = IMPORTANCES, breathe = async () => {} } = {}) {
    return explanationOf(this, text, { label, importance, breathe });
  }

  explainStep(text, options) {
    return arithmeticOf(this, text, options);
  }

  /** Calibrated probability of each class, of the ids that the network reads. */
  probabilities(read) {
    const outputs = this.network.outputs(read);
    if (!outputs.every(Number.isFinite)) {
      throw new Refusal("the network's numbers have no bound on this text");
    }
    return this.decision.probabilities(outputs);
  }

  answer(probabilities, reading) {
    return {
      ...this.decision.answer(probabilities),
      probabilities: Object.fromEntries(this.classes.map((name, at) => [name, probabilities[at]])),
      unknown_share: reading.unknownShare,
      was_cut: reading.wasCut,
    };
  }
}
