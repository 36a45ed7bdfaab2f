"""Bus logs: what was put, in order, durable. ``base`` is the contract; ``memory`` forgets, ``lmdb`` is for one process,
``rocketmq`` for several; ``lifetime`` is what these have in common.
"""
