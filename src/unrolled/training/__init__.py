"""Training belongs here: epochs, callbacks, history, the state of a run; it prints nothing."""
