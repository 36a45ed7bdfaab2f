"""Other people's systems: one file per kind under ``targets/``, behind the contract in ``base``, found by ``registry``."""
