"""Of every test: how often Hypothesis tries a property, and a little less work for processes and the garbage collector."""

import gc
import os
import signal
import sys

from hypothesis import settings

# Tests start a hundred processes: what the first one compiles is kept for the others, whatever the environment says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A run in the background of a shell inherits that Ctrl-C is ignored, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A deadline would measure how busy the machine is. A property that is dear sets its own number, in both profiles.
settings.register_profile("default", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile("default")


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: walking them again and again took a tenth of the time."""
    gc.collect()
    gc.freeze()
