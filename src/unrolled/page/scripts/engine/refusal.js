// What the engine throws when it is asked for what is not there: a sentence for the reader.

export class Refusal extends Error {}
