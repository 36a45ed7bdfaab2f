"""Dead letters: deliveries that were given up, with the reason. ``base`` is the contract."""
