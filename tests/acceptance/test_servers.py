"""Ports and answers of servers, on real sockets: what keeps `make cluster-up` from guessing."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.servers import probe
from tests.servers.errors import ServerProblem
from tests.servers.ports import check_ports, free_ports
from tests.servers.rocketmq import CLUSTER


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def test_a_taken_port_is_told_with_its_variable(listener: socket.socket) -> None:
    """A port that follows from another names the one to change."""
    port = port_of(listener)
    with pytest.raises(ServerProblem, match=rf"^port {port} of broker-a is taken .* with BROKER_PORT=\.\.\.$"):
        check_ports("broker-a", {"BROKER_PORT (HA)": port})


def test_a_port_taken_on_all_addresses_is_taken() -> None:
    """Whoever listens everywhere listens on the loopback, too."""
    with socket.create_server(("", 0)) as server, pytest.raises(ServerProblem, match="is taken"):
        check_ports("x", {"X": port_of(server)})


def test_free_ports_are_free_with_their_neighbours() -> None:
    """A broker takes three of them, a second broker three more ten above."""
    found = free_ports(4)
    assert len(set(found)) == 4
    for port in found:
        check_ports("x", {f"X{step}": port + step for step in (-2, 0, 1)})


def test_nobody_answers() -> None:
    """Everything is missing, without an error."""
    (port,) = free_ports(1)
    assert not probe.is_name_server(f"127.0.0.1:{port}")
    assert not probe.listens(f"127.0.0.1:{port}")
    assert probe.missing(f"127.0.0.1:{port}", CLUSTER, ["broker-a"]) == {"broker-a"}


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00\x00\x00\x08\x00"])
def test_somebody_else_answers(listener: socket.socket, answer: bytes) -> None:
    """A web server, one that hangs up, half an answer: none is a name server, although its port is open."""

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    address = f"127.0.0.1:{port_of(listener)}"
    assert not probe.is_name_server(address)
    assert probe.missing(address, CLUSTER, ["broker-a"]) == {"broker-a"}
    thread.join()
