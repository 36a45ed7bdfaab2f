"""How often Hypothesis tries each property: enough for every run by default, far more with ``make fuzz``."""

from hypothesis import settings

# A deadline would measure how busy the machine is. A property that is dear sets its own number, in both profiles.
settings.register_profile("default", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile("default")
