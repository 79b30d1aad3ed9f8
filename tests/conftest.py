"""What every test needs: Keras on JAX and the processor as the oracle; a Ctrl-C that arrives."""

import os
import signal

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"

# A run that was started in the background ignores Ctrl-C, and so would what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
