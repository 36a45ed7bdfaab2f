"""Listening sockets: bound by us, so that a port in use is told plainly, and shared with nobody but our own workers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from bridge.errors import StartError
from bridge.settings.addresses import Address


class Place(NamedTuple):
    """An address as the system knows it."""

    family: socket.AddressFamily
    sockaddr: tuple[Any, ...]


def listener(address: Address, what: str, *, share: bool) -> socket.socket:
    """A listening socket for ``what``. Raises StartError."""
    sharing = (socket.SO_REUSEPORT,) if share else ()
    with _refused(address, what):
        made = _bound(_place(address), socket.SO_REUSEADDR, *sharing, backlog=1024)
    made.setblocking(False)
    return made


@contextmanager
def held(address: Address, what: str) -> Iterator[Address]:
    """An address that is ours: nobody listens there, and nobody else can, but workers. With a port, if it had none.

    Raises StartError.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise StartError(
            "workers cannot share an address on this system; run several bridges on addresses of their own"
        )
    with _refused(address, what):
        place = _place(address)
        _bound(place, socket.SO_REUSEADDR, backlog=1).close()  # sockets that share would not see each other
        with _bound(place, socket.SO_REUSEPORT) as holder:
            yield Address(address.host, holder.getsockname()[1])


@contextmanager
def _refused(address: Address, what: str) -> Iterator[None]:
    """What the system refuses is a StartError."""
    try:
        yield
    except OSError as error:
        raise StartError(f"cannot listen on {address} for {what}: {error.strerror or error}") from error


def _place(address: Address) -> Place:
    """Raises OSError."""
    family, *_, sockaddr = socket.getaddrinfo(
        address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return Place(family, sockaddr)


def _bound(place: Place, *options: int, backlog: int | None = None) -> socket.socket:
    """With these options set; listening, if there is a ``backlog``. Raises OSError."""
    made = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        for option in options:
            made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind(place.sockaddr)
        if backlog is not None:
            made.listen(backlog)
    except OSError:
        made.close()
        raise
    return made
