"""Timers: what waits durably for a time, parked retries and delayed events. ``base`` is the contract."""
