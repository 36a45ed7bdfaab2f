"""Settings: four layers, each value with its origin; what is unknown, wrong or dangerous is refused."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from bridge.cli.serve import FLAGS
from bridge.errors import BridgeError, InvalidConfig, StartError
from bridge.model.units import Duration, Size
from bridge.settings import FIELDS, Address, Settings, as_flags, describe, load_settings

DOCS = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bridge.toml of the repository counts."""
    monkeypatch.chdir(tmp_path)


def load(toml: str = "", environ: dict[str, str] | None = None, **flags: str) -> Settings:
    Path("bridge.toml").write_text(toml, "utf-8")
    return load_settings(None, environ or {}, {name.replace("__", "."): value for name, value in flags.items()})


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


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", ":8080", "[::]:8080", "192.0.2.1:8080", "bridge.example:8080"])
def test_other_machines_are_let_in_only_on_purpose(listen: str) -> None:
    """A listener beyond the loopback needs `server.open`."""
    with pytest.raises(StartError, match="--open"):
        load(http__listen=listen)
    with pytest.raises(StartError, match=r"grpc\.listen"):
        load(grpc__listen=listen)
    assert load(http__listen=listen, server__open="true").http.listen == listen


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.8.8.8:1", "localhost:8080", "[::1]:8080"])
def test_the_loopback_is_open_to_this_machine_only(listen: str) -> None:
    """It needs no flag, and the address survives its parsing."""
    assert str(load(http__listen=listen).http.address) == listen


def test_memory_has_no_directory() -> None:
    """`memory:` is a store, too."""
    assert load(store__url="memory:").store.directory is None


def test_secrets_are_masked() -> None:
    """Passwords in URLs are not shown; user, host and database are."""
    settings = load(environ={"BRIDGE_CATALOG_URL": "postgresql://me:s3cret@db/bridge?password=s3cret&sslmode=require"})
    [shown] = [s.value for s in describe(settings) if s.name == "catalog.url"]
    assert shown == "postgresql://me:***@db/bridge?password=***&sslmode=require"
    assert settings.catalog.url.count("s3cret") == 2
    settings = load(catalog__url="mysql://me:p@ss/w:rd@db/bridge")
    assert [s.value for s in describe(settings) if s.name == "catalog.url"] == ["mysql://me:***@db/bridge"]


def test_what_is_shown_can_be_written_again() -> None:
    """The texts that `bridge settings` prints are the settings."""
    settings = load("[limits]\nrequest_size = '3000B'\n[stop]\ndrain = '0.5ms'\n[server]\nopen = true")
    flags = {s.name: s.value for s in describe(settings)}
    assert msgspec.structs.replace(load_settings(None, {}, flags), origins={}) == msgspec.structs.replace(
        settings, origins={}
    )


def test_another_process_runs_by_the_same() -> None:
    """What was set goes over as text, secrets included; what was not has the same default there."""
    settings = load(
        "[limits]\nrequest_size = '3000B'\n[server]\nworkers = 4",
        environ={"BRIDGE_CATALOG_URL": "postgresql://me:s3cret@db/bridge"},
    )
    given = as_flags(settings)
    assert given == {
        "limits.request_size": "3000B", "server.workers": "4", "catalog.url": "postgresql://me:s3cret@db/bridge",
    }  # fmt: skip
    there = load_settings(Path("/dev/null"), {}, given)
    assert msgspec.structs.replace(there, origins={}) == msgspec.structs.replace(settings, origins={})


def test_every_setting_is_documented() -> None:
    """docs/settings.md has a row for each, with its default, flag and meaning."""
    rows = {}
    for line in DOCS.read_text("utf-8").splitlines():
        if line.startswith("| `"):
            name, default, flag, meaning = (cell.strip() for cell in line.strip("|").split("|"))
            rows[name.strip("`")] = (default.strip("`"), flag.strip("`"), meaning)
    flags = {setting: "--" + name.replace("_", "-") for name, (setting, *_) in FLAGS.items()} | {
        "server.open": "--open"
    }
    wanted = {s.name: (s.value, flags.get(s.name, ""), s.description) for s in describe(Settings())}
    assert rows == wanted


def test_the_documented_file_is_valid() -> None:
    """The example of docs/settings.md loads."""
    [toml] = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert tomllib.loads(toml)
    assert load(toml).http.listen == "127.0.0.1:9090"


def test_every_flag_sets_a_setting() -> None:
    """The table of flags names settings that exist."""
    assert {setting for setting, *_ in FLAGS.values()} <= set(FIELDS)


def test_errors_are_bridge_errors() -> None:
    """Whatever is wrong, the command line shows a sentence."""
    with pytest.raises(BridgeError):
        load("[http]\nlisten = []")
