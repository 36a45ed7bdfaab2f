"""The typed client of bridge's public HTTP API, for programs and for the command line.

::

    async with Client("127.0.0.1:8080") as bridge:
        await bridge.apply(Path("traffic.yaml").read_bytes())
        await bridge.put("traffic", {"specversion": "1.0", "id": "1", "source": "/junction/7", "type": "light.changed"})
        async for entry in bridge.tail("traffic"):
            print(entry.partition, entry.offset, bytes(entry.event))

What the server refuses comes back as the error of ``bridge.errors`` that it raised; when no server answers, Unreachable.
Here: what to ask and how (``definitions``, ``events``, ``operations``), what comes back (``answers``). Not here: anything
that decides; a client knows the routes and nothing else.
"""

from bridge.client.answers import Applied, Change, DeadLetter, Definition, Entry, Page, PutResult
from bridge.client.definitions import Definitions
from bridge.client.events import Events
from bridge.client.operations import Operations
from bridge.model.delayed import DelayedView
from bridge.model.redrive import Redrive

__all__ = [
    "Applied",
    "Change",
    "Client",
    "DeadLetter",
    "Definition",
    "DelayedView",
    "Entry",
    "Page",
    "PutResult",
    "Redrive",
]


class Client(Definitions, Events, Operations):
    """Everything a bridge can be asked; see the package. ``server`` is ``host:port`` or an http(s) URL."""
