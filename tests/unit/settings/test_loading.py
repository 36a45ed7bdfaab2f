"""Four layers, each value with its origin; what is unknown or wrong is refused."""

import re
from pathlib import Path

import pytest

from bridge.errors import BridgeError, InvalidConfig, StartError
from bridge.model.units import Duration, Size
from bridge.settings.addresses import Address
from bridge.settings.loading import load_settings
from bridge.settings.sections import Settings
from bridge.settings.showing import describe
from tests.unit.settings.given import load


def test_defaults_need_nothing() -> None:
    """Without file, environment or flags the tree is the default, from the defaults."""
    settings = load_settings(None, {}, {})
    assert settings == Settings()
    assert {s.origin for s in describe(settings)} == {"default"}
    assert (settings.http.address, settings.store.directory) == (Address("127.0.0.1", 8080), Path("data"))
    assert (settings.limits.request_size, settings.stop.drain) == (4 * 2**20, 10.0)


def test_each_layer_hides_those_below() -> None:
    """Flags over environment over file over defaults, and each value says which it was."""
    toml = '[http]\nlisten = "127.0.0.1:1"\n[grpc]\nlisten = "127.0.0.1:1"\n[log]\nlevel = "error"\n'
    environ = {"BRIDGE_HTTP_LISTEN": "127.0.0.1:2", "BRIDGE_GRPC_LISTEN": "127.0.0.1:2", "HOME": "/"}
    settings = load(toml, environ, http__listen="127.0.0.1:3")
    assert (settings.http.listen, settings.grpc.listen, settings.log.level) == ("127.0.0.1:3", "127.0.0.1:2", "error")
    assert settings.origins == {"http.listen": "flag", "grpc.listen": "BRIDGE_GRPC_LISTEN", "log.level": "bridge.toml"}


def test_a_named_file_counts_instead(tmp_path: Path) -> None:
    """With a path of its own, ./bridge.toml is not read."""
    Path("bridge.toml").write_text("nonsense", "utf-8")
    other = tmp_path / "other.conf"
    other.write_text("[limits]\nsubscribers = 7\n", "utf-8")
    settings = load_settings(other, {}, {})
    assert (settings.limits.subscribers, settings.origins) == (7, {"limits.subscribers": str(other)})


def test_units_and_switches_in_words() -> None:
    """Text from outside becomes numbers, sizes, durations and switches."""
    environ = {"BRIDGE_LIMITS_SUBSCRIBERS": "5", "BRIDGE_LIMITS_REQUEST_SIZE": "1MiB", "BRIDGE_STOP_DRAIN": "1.5s"}
    settings = load('[server]\nopen = true\n[limits]\nbytes_in_flight = "2MiB"', environ)
    limits = settings.limits
    assert (limits.subscribers, limits.request_size, limits.bytes_in_flight) == (5, Size(2**20), Size(2**21))
    assert (settings.stop.drain, settings.server.open) == (Duration(1.5), True)
    assert load(environ={"BRIDGE_SERVER_OPEN": "yes"}).server.open
    assert not load(environ={"BRIDGE_SERVER_OPEN": "0"}).server.open


@pytest.mark.parametrize(
    ("toml", "path", "reason"),
    [
        ("[htpp]\nlisten = ''", "$.htpp", "not known (bridge.toml)"),
        ("[http]\nlissen = ''", "$.http.lissen", "not known (bridge.toml); [http] has listen"),
        ("http = 1", "$.http", "must be a table"),
        ("[http]\nlisten = 8080", "$.http.listen", "expected `str`, got `int` (bridge.toml)"),
        ("[http]\nlisten = '8080'", "$.http.listen", "not an address such as"),
        ("[http]\nlisten = '::1:8080'", "$.http.listen", "not an address such as"),
        ("[http]\nlisten = 'h:99999'", "$.http.listen", "not an address such as"),
        ("[limits]\nsubscribers = '5'", "$.limits.subscribers", "expected `int`, got `str`"),
        ("[limits]\nsubscribers = -1", "$.limits.subscribers", ">= 0"),
        ("[limits]\nrequest_size = 4096", "$.limits.request_size", "not a size such as"),
        ("[log]\nlevel = 'loud'", "$.log.level", "choose from debug, info, warning, error"),
        ("[store]\nurl = 'data'", "$.store.url", "use lmdb:DIRECTORY, rocketmq://HOST:9876 or memory:"),
        ("[store]\nurl = 'lmdb:'", "$.store.url", "use lmdb:DIRECTORY, rocketmq://HOST:9876 or memory:"),
        ("[store]\nurl = 'rocketmq:'", "$.store.url", "use lmdb:DIRECTORY, rocketmq://HOST:9876 or memory:"),
        ("[store]\nurl = 'rocketmq://'", "$.store.url", "names no name server"),
        ("[store]\nurl = 'rocketmq://a:9876,'", "$.store.url", "names no name server"),
        ("[store]\nurl = 'rocketmq://a:99999'", "$.store.url", "is not an address"),
        ("[rocketmq]\nmessage_size = '1KiB'", "$.rocketmq.message_size", "less than 64KiB"),
        ("[rocketmq]\ntopic_prefix = 'a/b'", "$.rocketmq.topic_prefix", "matching regex"),
        ("[rocketmq]\ntls = 'yes'", "$.rocketmq.tls", "expected `bool`"),
    ],
)
def test_what_is_not_right_is_refused_with_its_place(toml: str, path: str, reason: str) -> None:
    """InvalidConfig names the path, the file, and what would have been right."""
    with pytest.raises(InvalidConfig, match=re.escape(reason)) as caught:
        load(toml)
    assert caught.value.path == path
    assert "bridge.toml" in str(caught.value)


def test_an_unknown_variable_is_refused() -> None:
    """A typo in a variable does not pass in silence; what others set for their own ends does."""
    with pytest.raises(InvalidConfig, match="BRIDGE_HTPP_LISTEN names no setting"):
        load(environ={"BRIDGE_HTPP_LISTEN": "x"})
    kubernetes = {"BRIDGE_PORT": "tcp://10.0.0.1:80", "BRIDGE_PORT_80_TCP_ADDR": "x", "BRIDGE_SERVICE_PORT_HTTP": "80"}
    assert load(environ=kubernetes | {"BRIDGE_SERVER": "far:80"}) == Settings()


@pytest.mark.parametrize(("content", "reason"), [(b"[http", "not valid TOML"), (b"\xff", "not valid TOML")])
def test_a_file_that_is_no_toml_stops_the_start(content: bytes, reason: str) -> None:
    """StartError with the file's name."""
    Path("bridge.toml").write_bytes(content)
    with pytest.raises(StartError, match=f"bridge.toml is {reason}"):
        load_settings(None, {}, {})


def test_a_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """One that was named must exist."""
    with pytest.raises(StartError, match=r"nowhere\.toml: No such file"):
        load_settings(tmp_path / "nowhere.toml", {}, {})


def test_errors_are_bridge_errors() -> None:
    """Whatever is wrong, the command line shows a sentence."""
    with pytest.raises(BridgeError):
        load("[http]\nlisten = []")
