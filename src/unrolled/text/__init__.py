"""From strings to token ids: words, vocabularies, sequences of one length."""
