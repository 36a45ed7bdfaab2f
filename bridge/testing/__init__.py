"""Fakes, a clock, contract suites: shipped, for authors of connectors and stores too."""
