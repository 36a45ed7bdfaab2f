"""An asyncio client of Apache RocketMQ 5.x over its remoting protocol; imports nothing of bridge's other rooms.

Pure, no input or output::

    codes        numbers of requests and answers          errors       what can go wrong: done or not, try again?
    frames       bytes of a connection <-> Command        auth         the signature of ACL 2.0
    records      messages as brokers store and take them  compression  bodies that producers packed
    loosejson    bodies that look like JSON and are not   bodies       the JSON bodies of requests and answers
    routes       where a topic's queues are               configs      definitions of topics and groups
    directory    what stays known of topics and brokers

On the network, each built on those before it::

    connection   one TCP or TLS connection: many calls at a time (``waiting``), each with its timeout
    cluster      name servers (``nameservers``), routes, one connection per broker (``links``), reconnecting
    producer     sends, with a receipt for each message; ``lingering`` joins single sends into batches
                 (pure: ``sending``, ``queues``, ``retry``, ``unique``; ``window`` bounds what is on its way)
    consumer     pulls one queue; ``offsets`` knows where queues begin and end and what a group has read
    groups       members of a group share queues and take over from each other
                 (``presence``: heartbeats; ``locks``; pure: ``allocation``; ``problems``: what does not work; ``bell``)
    admin        topics, groups, brokers; ``lookup`` finds single messages

Names are RocketMQ's own: broker, topic, queue, group, message. Times are milliseconds since the UNIX epoch where the
protocol has them (``_ms``), else seconds (``_s``). Only the standard library is needed; LZ4 and zstd bodies need the
packages ``lz4`` and ``zstandard``.
"""
