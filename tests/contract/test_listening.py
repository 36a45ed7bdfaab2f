"""Addresses that are ours alone, or shared with our workers."""

import socket

import pytest

from bridge.app.listening import held, listener
from bridge.errors import StartError
from bridge.settings.addresses import Address

ANY = Address("127.0.0.1", 0)


def test_a_port_in_use_is_told_plainly() -> None:
    """With what it is for."""
    with listener(ANY, "HTTP", share=False) as first:
        taken = Address(*first.getsockname())
        with pytest.raises(StartError, match=rf"cannot listen on {taken} for HTTP: Address already in use"):
            listener(taken, "HTTP", share=False)
        with pytest.raises(StartError, match=rf"cannot listen on {taken} for gRPC: "), held(taken, "gRPC"):
            pass


def test_what_is_held_is_for_those_who_share() -> None:
    """The port is known before anybody listens; whoever does not share is kept out."""
    with held(ANY, "HTTP") as address:
        assert address.port
        with listener(address, "HTTP", share=True) as one, listener(address, "HTTP", share=True) as other:
            assert one.getsockname() == other.getsockname() == tuple(address)
            assert not one.getblocking()
        with pytest.raises(StartError), held(address, "HTTP"):
            pass
        with pytest.raises(StartError):
            listener(address, "HTTP", share=False)
    with listener(address, "HTTP", share=False) as alone:
        assert alone.family == socket.AF_INET
