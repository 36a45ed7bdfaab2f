"""Ports of the loopback: is one taken, which are free."""

import socket
from collections.abc import Iterable, Mapping

from tests.servers.errors import ServerProblem


def check_ports(name: str, ports: Mapping[str, int]) -> None:
    """Raises ServerProblem, naming the variable to set, if somebody already listens where the program wants to.

    ``ports`` has the variables as keys, ``BROKER_PORT (HA)`` for a port that follows from one.
    """
    for variable, port in ports.items():
        if _taken(port):
            raise ServerProblem(
                f"port {port} of {name} is taken by another program; stop that one, or choose another port with "
                f"{variable.partition(' ')[0]}=..."
            )


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on just now, each with free neighbours, for tests that bring their own servers."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if _apart(port, found) and not any(_taken(port + k) for k in (-2, -1, 1, 2)):
            found.append(port)
    return found


def _apart(port: int, others: Iterable[int]) -> bool:
    return 1026 < port < 65_000 and all(abs(port - other) > 20 for other in others)


def _taken(port: int) -> bool:
    """Whether anybody listens there, on any address: what listens everywhere also takes the loopback's port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
