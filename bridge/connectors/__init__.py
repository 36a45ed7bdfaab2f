"""Other people's systems: one file per kind under ``targets/``, behind the contract in ``base``, found by ``registry``.

What several kinds share stands beside them: ``web`` (the HTTP client), ``urls`` and ``answers`` (what a URL and an HTTP
answer mean), ``linefile`` (files that lines are appended to). ``schema`` shows a config as JSON Schema.
"""
