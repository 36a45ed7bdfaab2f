"""Which instances of bridge share the stores, and how each of them is. ``base`` is the contract."""
