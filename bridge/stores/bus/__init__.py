"""Bus logs: what was put, in order, durable. ``base`` is the contract; ``memory`` forgets, ``lmdb`` does not."""
