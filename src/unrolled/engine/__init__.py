"""The arithmetic of recurrent networks: arrays in, arrays out; knows no text and prints nothing."""
