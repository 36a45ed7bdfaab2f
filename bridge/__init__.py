"""bridge: an event-driven engine.

How an event travels::

     gRPC PutEvents ─► ingress ─┐                                    ┌─► http, file, bus, log ...
     HTTP CloudEvents ─► (1)    ├─► BUS LOG ─► cursor ─► rules ─► lanes
                                │   (2) LMDB   (3)     (4) match  (5) deliver ─► retry ─► dead letters
                                │                        transform
     CLI, clients ─► control plane ─► catalog (SQL) ══ watch ══► rules, lanes

The data plane moves events; the control plane changes what happens to them. They never import each other: they
meet only in the stores. Where to look:

- ``model``         the nouns: frozen structs, no I/O
- ``codec``         CloudEvents <-> bytes; pure
- ``rules``         patterns, filters, the matcher, transforms; pure
- ``rocketmq``      an asyncio client of RocketMQ; imports nothing of ours
- ``stores``        our state: one folder per contract, ``base.py`` states it, one file per implementation
- ``connectors``    other people's systems: one file per kind of target
- ``dataplane``     the flow: ingress, pipeline, lanes, retry
- ``controlplane``  resources in, resources out
- ``client``        typed client of the public API; ``cli`` uses nothing else of a running bus
- ``testing``       fakes, a clock, a bridge in a process of its own: for authors of connectors, too
- ``errors``        the error tree: whose fault, and is it worth another try?
- ``settings``      what an operator tells a bridge; ``telemetry`` is what it tells
- ``app``           the composition root: the only room that sees everything; one process or several behind one address

The README has the same map as questions, and the words. ``_proto`` is generated from ``protos/``.
"""

from bridge.version import VERSION as __version__  # noqa: N811 - the name Python tools look for

__all__ = ["__version__"]
