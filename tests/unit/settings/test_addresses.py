"""Addresses of listeners and of stores."""

from pathlib import Path

import pytest

from tests.unit.settings.given import load


def test_name_servers_of_a_store() -> None:
    """One or several; without a port it is RocketMQ's own."""
    for url, servers in (
        ("rocketmq://a", ("a:9876",)),
        ("rocketmq://127.0.0.1:1/", ("127.0.0.1:1",)),
        ("rocketmq://a:1,b;[::1]:2", ("a:1", "b:9876", "[::1]:2")),
        ("lmdb:data", ()),
    ):
        store = load(store__url=url).store
        assert (store.name_servers, store.directory) == (servers, None if servers else Path("data"))


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.8.8.8:1", "localhost:8080", "[::1]:8080"])
def test_the_loopback_is_open_to_this_machine_only(listen: str) -> None:
    """It needs no flag, and the address survives its parsing."""
    assert str(load(http__listen=listen).http.address) == listen


def test_memory_has_no_directory() -> None:
    """`memory:` is a store, too."""
    assert load(store__url="memory:").store.directory is None
