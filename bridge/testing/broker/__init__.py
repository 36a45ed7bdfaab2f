"""A RocketMQ cluster in memory, for tests: name servers and brokers that speak the remoting protocol on 127.0.0.1.

What a broker knows, each without input or output::

    topics   groups     definitions            log      messages by place, queue and key
    offsets  locks      of consumer groups     timers   messages that wait for their time
    members  holds      of open connections    config   settings by RocketMQ's names        users  who may do what

``state`` joins them to a Broker. What it answers, one module per kind of request::

    sending (sends, batches, delays)   retries   recalls      pulling (filters, sql)   positions   lookups
    definitions   membership   inspection   dispatch          names: what name servers answer

``server``, ``running`` and ``faults`` put that on a socket, ``cluster`` is what tests use. It answers as RocketMQ 5.5.0
does, quirks included; each module says where it knowingly differs. Not there at all: transactions, POP, replicas, static
and lite topics, the administration of users, the proxy. Requests for them are answered 3.
"""

from bridge.testing.broker.cluster import FakeCluster
from bridge.testing.broker.faults import NAME_SERVER, SENDS, Faults
from bridge.testing.broker.state import Broker
from bridge.testing.broker.users import Grant

__all__ = ["NAME_SERVER", "SENDS", "Broker", "FakeCluster", "Faults", "Grant"]
