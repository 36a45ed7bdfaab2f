"""Of every test: how often Hypothesis tries a property, and a little less work for the garbage collector."""

import gc

from hypothesis import settings

# A deadline would measure how busy the machine is. A property that is dear sets its own number, in both profiles.
settings.register_profile("default", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile("default")


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay until the end: walking them again and again took a tenth of the time."""
    gc.collect()
    gc.freeze()
