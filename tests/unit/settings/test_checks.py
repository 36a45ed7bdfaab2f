"""What is dangerous or means nothing is refused."""

import pytest

from bridge.errors import InvalidConfig, StartError
from tests.unit.settings.given import load


@pytest.mark.parametrize(
    ("toml", "path"),
    [
        ("access_key = 'a'", "$.rocketmq.access_key"),
        ("secret_key = 'a'", "$.rocketmq.secret_key"),
        ("security_token = 'a'", "$.rocketmq.security_token"),
        ("tls_ca = 'a'", "$.rocketmq.tls_ca"),
        ("tls = true\ntls_key = 'a'", "$.rocketmq.tls_key"),
    ],
)
def test_what_means_nothing_alone_is_refused(toml: str, path: str) -> None:
    """Else somebody would believe that it is in force."""
    with pytest.raises(InvalidConfig, match="means nothing without") as caught:
        load(f"[rocketmq]\n{toml}")
    assert caught.value.path == path


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", ":8080", "[::]:8080", "192.0.2.1:8080", "bridge.example:8080"])
def test_other_machines_are_let_in_only_on_purpose(listen: str) -> None:
    """A listener beyond the loopback needs `server.open`."""
    with pytest.raises(StartError, match="--open"):
        load(http__listen=listen)
    with pytest.raises(StartError, match=r"grpc\.listen"):
        load(grpc__listen=listen)
    assert load(http__listen=listen, server__open="true").http.listen == listen
