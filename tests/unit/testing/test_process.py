"""A bridge in a process of its own: what it inherits."""

import pytest

from bridge.testing.process import environ_of_users


def test_it_inherits_what_a_user_has_and_nothing_that_is_for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the debug mode of tests nor where they find servers."""
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("BRIDGE_TEST_ROCKETMQ", "127.0.0.1:9876")
    monkeypatch.setenv("BRIDGE_HTTP_LISTEN", "127.0.0.1:1")
    found = environ_of_users()
    assert found["BRIDGE_HTTP_LISTEN"] == "127.0.0.1:1"
    assert not {"PYTHONASYNCIODEBUG", "BRIDGE_TEST_ROCKETMQ"} & set(found)
