"""RocketMQ for real: its own tools and clients beside ours, and what happens when parts of a cluster fail.

Needs a cluster: ``make test-cluster`` starts one and says where it is. ``BRIDGE_TEST_ROCKETMQ`` is the name server of one
that tests share, ``BRIDGE_TEST_ROCKETMQ_PROXY`` that cluster's gRPC proxy. Tests that break something bring a cluster of
their own (``own``), and need Java for it. Not here: what our client does with a healthy cluster (tests/contract).
"""
