"""What every test needs: Keras as the oracle, on JAX and on the processor; a Ctrl-C that arrives."""

import os
import signal

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

# A run that was started in the background ignores Ctrl-C, and so would what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
