"""Other people's systems: one file per kind under ``targets/``, behind the contract in ``base``, found by ``registry``.

What several kinds share stands beside them: ``web`` (the HTTP client), ``urls``, ``headers`` and ``answers`` (what a URL, a
header and an HTTP answer mean), ``addresses`` and ``lookups`` (what may be connected to), ``signatures`` and ``handshake``
(of webhooks), ``linefile`` (files that lines are appended to). ``schema`` shows a config as JSON Schema.
"""
