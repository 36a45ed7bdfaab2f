"""The settings of a running bridge: one frozen tree, and where each value came from.

From lowest to highest: defaults, ``bridge.toml``, the environment (``BRIDGE_HTTP_LISTEN`` is ``http.listen``), flags.
What is not known here is refused, with its path and the place where it was found. Nothing is read after the start.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, get_args

import msgspec

from bridge.errors import InvalidConfig, StartError
from bridge.model.units import UNITS, Duration, Size

FILE = Path("bridge.toml")
PREFIX = "BRIDGE_"
NOT_SETTINGS = {"BRIDGE_SERVER", "BRIDGE_CRASH_AT"}
"""Variables with our prefix that say something else: where the client finds its server, where a test ends the process."""
# Kubernetes sets these in every container beside a Service called `bridge`.
_SERVICE_LINK = re.compile(r"BRIDGE_(?:SERVICE_(?:HOST|PORT(?:_.*)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_.*)?)?)")
_PASSWORD = re.compile(r"(://[^/@:]*:).*(?=@)|((?:password|passwd|secret|token)=)[^&]+", re.IGNORECASE)
_SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Address(NamedTuple):
    """Where a listener listens. Port 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``127.0.0.1:8080``, ``[::1]:8080``, ``:8080`` (every address). Raises InvalidConfig."""
        host, colon, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535 or (":" in bare and bare == host):
            raise InvalidConfig(f"{text!r} is not an address such as 127.0.0.1:8080 or [::1]:8080")
        return cls(bare, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Base of a section. Every field says what it is in its Meta; ``extra={"secret": True}`` hides its value."""


def _doc(text: str, **limits: Any) -> msgspec.Meta:
    return msgspec.Meta(description=text, **limits)


class _Listener(Section, frozen=True, kw_only=True):
    @property
    def address(self) -> Address:
        return Address.parse(self.listen)  # type: ignore[attr-defined]


class Grpc(_Listener, frozen=True, kw_only=True):
    listen: Annotated[str, _doc("Address of the gRPC listener.")] = "127.0.0.1:50051"


class Http(_Listener, frozen=True, kw_only=True):
    listen: Annotated[str, _doc("Address of the HTTP listener.")] = "127.0.0.1:8080"


class Store(Section, frozen=True, kw_only=True):
    url: Annotated[
        str,
        _doc(
            "Where the buses' logs live: `lmdb:DIRECTORY`, `rocketmq://HOST:9876[,HOST2:9876]` (name servers), or "
            "`memory:` (gone when it stops)."
        ),
    ] = "lmdb:./data"

    @property
    def directory(self) -> Path | None:
        """The directory of an LMDB store; None keeps everything elsewhere."""
        return lmdb_directory(self.url)

    @property
    def name_servers(self) -> tuple[str, ...]:
        """``host:port`` of a RocketMQ store's name servers; none for other stores."""
        return name_servers(self.url)


def lmdb_directory(url: str) -> Path | None:
    """The directory that a store's URL names; None if it names none."""
    scheme, _, rest = url.partition(":")
    return Path(rest) if scheme == "lmdb" else None


def name_servers(url: str) -> tuple[str, ...]:
    """The name servers that a store's URL names; none if it names none. Raises InvalidConfig."""
    scheme, _, rest = url.partition("://")
    if scheme != "rocketmq":
        return ()
    hosts = [host if re.search(r":\d+$", host) else f"{host}:9876" for host in re.split("[,;]", rest.rstrip("/"))]
    addresses = [Address.parse(host) for host in hosts]
    if not all(address.host and address.port for address in addresses):
        raise InvalidConfig(f"{url!r} names no name server; write rocketmq://HOST:9876")
    return tuple(map(str, addresses))


class RocketMq(Section, frozen=True, kw_only=True):
    """Of a store that is ``rocketmq://...``."""

    access_key: Annotated[str, _doc("User that brokers know, where they have an ACL.")] = ""
    secret_key: Annotated[str, _doc("Its secret.", extra={"secret": True})] = ""
    security_token: Annotated[
        str, _doc("Temporary token that goes with the two, as some clouds give.", extra={"secret": True})
    ] = ""
    cluster: Annotated[str, _doc("Which RocketMQ cluster gets new topics. Empty: the only one.")] = ""
    topic_prefix: Annotated[
        str,
        _doc("How topics and groups begin: the bus `traffic` is the topic `bridge-traffic`.", pattern="^[A-Za-z0-9_-]{1,40}$"),
    ] = "bridge"  # fmt: skip
    message_size: Annotated[Size, _doc("What brokers take at once: their `maxMessageSize`.")] = Size(4 * 2**20)
    tls: Annotated[bool, _doc("Encrypt connections, and check the certificates of servers.")] = False
    tls_ca: Annotated[str, _doc("File with the certificates of the authorities (PEM). Empty: the system's.")] = ""
    tls_cert: Annotated[str, _doc("File with our own certificate (PEM), where brokers want one.")] = ""
    tls_key: Annotated[str, _doc("File with its key, if that is another one.")] = ""
    tls_server_name: Annotated[
        str, _doc("The name that certificates must have. Empty: the host that is connected to.")
    ] = ""


class Catalog(Section, frozen=True, kw_only=True):
    url: Annotated[
        str,
        _doc(
            "SQLAlchemy URL of the definitions. Empty: SQLite in the store's directory (of a RocketMQ store: in `./data`), "
            "or in memory like the store. PostgreSQL or MySQL where several instances share it."
        ),
    ] = ""


class Limits(Section, frozen=True, kw_only=True):
    request_size: Annotated[Size, _doc("Size of one put request, at most. (One event's limit is its bus's.)")] = Size(
        4 * 2**20
    )
    bytes_in_flight: Annotated[
        Size,
        _doc(
            "Bytes of put requests being worked on at once; beyond it, puts are told to come back later. Half of it, for "
            "one bus, unless its `limits.bytesInFlight` says otherwise."
        ),
    ] = Size(64 * 2**20)
    subscribers: Annotated[int, _doc("Subscribers and tails at once, at most.", ge=0)] = 100


class Log(Section, frozen=True, kw_only=True):
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        _doc("What is logged: `debug`, `info`, `warning` or `error`, and what is above it."),
    ] = "info"
    format: Annotated[
        Literal["auto", "text", "json"],
        _doc("How: `text` for people, `json` for machines, `auto`: text on a terminal."),
    ] = "auto"


class Server(Section, frozen=True, kw_only=True):
    open: Annotated[bool, _doc("Allow listeners that other machines can reach, without any credentials.")] = False
    workers: Annotated[
        int,
        _doc(
            "Processes on this machine that share the work behind one address. More than one: on a RocketMQ store with a "
            "catalog in PostgreSQL or MySQL.",
            ge=1,
            le=256,
        ),
    ] = 1


class Stop(Section, frozen=True, kw_only=True):
    drain: Annotated[Duration, _doc("How long a stop waits for what is under way.")] = Duration(10)


class Targets(Section, frozen=True, kw_only=True):
    allow_private: Annotated[
        Literal["auto", "all", "none"],
        _doc(
            "Which addresses that are not public targets may connect to. `auto`: this machine's own, while only this "
            "machine can reach the bridge, and any where a target's config says `allowPrivate`; `all`: any; `none`: "
            "none, whatever a config says."
        ),
    ] = "auto"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """``origins`` maps ``http.listen`` to where its value came from; it is no section."""

    grpc: Grpc = Grpc()
    http: Http = Http()
    store: Store = Store()
    rocketmq: RocketMq = RocketMq()
    catalog: Catalog = Catalog()
    limits: Limits = Limits()
    log: Log = Log()
    server: Server = Server()
    stop: Stop = Stop()
    targets: Targets = Targets()
    origins: dict[str, str] = {}


class Setting(NamedTuple):
    """One setting as people see it."""

    name: str
    value: str
    """As it would be written in bridge.toml, secrets masked."""
    origin: str
    """``default``, the file, the variable, or ``flag``."""
    description: str
    variable: str


class _Given(NamedTuple):
    value: object
    origin: str
    in_words: bool = True
    """Text that stands for a number or a switch; in TOML those have their own form."""


SECTIONS: dict[str, type[Section]] = {f.name: f.type for f in msgspec.structs.fields(Settings) if f.name != "origins"}
FIELDS: dict[str, msgspec.structs.FieldInfo] = {
    f"{section}.{f.name}": f for section, kind in SECTIONS.items() for f in msgspec.structs.fields(kind)
}


def load_settings(config: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Settings:
    """Read everything once. ``flags`` maps ``http.listen`` to text; without ``config``, ./bridge.toml counts if it exists.

    Raises InvalidConfig (path ``$.http.listen``, reason with the place) for a value or name that is not right, and
    StartError for a file that cannot be read and for a listener open to others without ``server.open``.
    """
    given: dict[str, _Given] = {}
    given |= _from_file(config)
    given |= _from_environ(environ)
    given |= {_known(name, "flag"): _Given(value, "flag") for name, value in flags.items()}
    values = {name: _convert(name, entry) for name, entry in given.items()}
    sections: dict[str, Any] = {
        section: kind(**{n.partition(".")[2]: v for n, v in values.items() if n.startswith(f"{section}.")})
        for section, kind in SECTIONS.items()
    }
    settings = Settings(**sections, origins={name: entry.origin for name, entry in given.items()})
    _check_doors(settings)
    _check_pairs(settings.rocketmq)
    return settings


def describe(settings: Settings) -> list[Setting]:
    """Every setting with its value in force and where that came from."""
    return [
        Setting(
            name,
            _mask(field, _text(getattr(getattr(settings, section), field.name))),
            settings.origins.get(name, "default"),
            _meta(field).description or "",
            variable(name),
        )
        for name, field in FIELDS.items()
        for section in [name.partition(".")[0]]
    ]


def as_flags(settings: Settings) -> dict[str, str]:
    """What was set, as ``load_settings`` takes it, secrets included: for another process that is to run by the same."""
    return {
        name: _text(getattr(getattr(settings, section), FIELDS[name].name))
        for name in settings.origins
        for section in [name.partition(".")[0]]
    }


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.replace(".", "_").upper()


def _from_file(config: Path | None) -> dict[str, _Given]:
    path = config or FILE
    if config is None and not path.is_file():
        return {}
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise StartError(f"cannot read the settings in {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{path} is not valid TOML: {error}") from error
    return {_known(name, str(path)): _Given(value, str(path), in_words=False) for name, value in _flat(tree, str(path))}


def _flat(tree: Mapping[str, Any], origin: str) -> Iterator[tuple[str, object]]:
    for section, members in tree.items():
        if section not in SECTIONS:
            raise InvalidConfig(
                f"this section is not known ({origin}); known are {', '.join(SECTIONS)}", path=f"$.{section}"
            )
        if not isinstance(members, dict):
            raise InvalidConfig(f"must be a table: [{section}] ({origin})", path=f"$.{section}")
        yield from ((f"{section}.{name}", value) for name, value in members.items())


def _from_environ(environ: Mapping[str, str]) -> dict[str, _Given]:
    names = {variable(name): name for name in FIELDS}
    found = {}
    for key, value in environ.items():
        if key in names:
            found[names[key]] = _Given(value, key)
        elif key.startswith(PREFIX) and key not in NOT_SETTINGS and not _SERVICE_LINK.fullmatch(key):
            raise InvalidConfig(f"the environment variable {key} names no setting; `bridge settings` lists them")
    return found


def _known(name: str, origin: str) -> str:
    if name not in FIELDS:
        section = name.partition(".")[0]
        there = ", ".join(f.name for f in msgspec.structs.fields(SECTIONS[section])) if section in SECTIONS else ""
        raise InvalidConfig(
            f"this setting is not known ({origin}); [{section}] has {there or 'none'}", path=f"$.{name}"
        )
    return name


def _convert(name: str, given: _Given) -> object:
    kind, value = FIELDS[name].type, given.value
    if given.in_words and _is_switch(name):
        value = _SWITCH.get(str(value).lower(), value)
    try:
        converted = msgspec.convert(value, kind, strict=not given.in_words, dec_hook=_unit)
        if name in _CHECKS:
            _CHECKS[name](converted)
    except msgspec.ValidationError as error:
        raise InvalidConfig(f"{_reason(error, kind)} ({given.origin})", path=f"$.{name}") from error
    except InvalidConfig as error:
        raise InvalidConfig(f"{error.reason} ({given.origin})", path=f"$.{name}") from error
    return converted


def _is_switch(name: str) -> bool:
    return FIELDS[name].type.__origin__ is bool


def _reason(error: msgspec.ValidationError, kind: Any) -> str:
    choices = ", ".join(get_args(kind.__origin__))
    return f"{error}"[:1].lower() + f"{error}"[1:] + (f"; choose from {choices}" if choices else "")


def _unit(kind: type, value: object) -> Any:
    if kind not in UNITS:
        raise NotImplementedError(kind)
    return kind.parse(value)


def _check_store(url: Any) -> None:
    scheme, _, rest = url.partition(":")
    if not ((scheme == "lmdb" and rest) or url == "memory:" or name_servers(url)):
        raise InvalidConfig(f"{url!r} is no store; use lmdb:DIRECTORY, rocketmq://HOST:9876 or memory:")


def _check_message_size(size: Any) -> None:
    if size < 2**16:
        raise InvalidConfig("less than 64KiB is not enough for messages")


_CHECKS: dict[str, Callable[[Any], object]] = {
    "grpc.listen": Address.parse,
    "http.listen": Address.parse,
    "store.url": _check_store,
    "rocketmq.message_size": _check_message_size,
}


def _check_doors(settings: Settings) -> None:
    """Promise 7: open to this machine only, unless somebody says otherwise in so many words."""
    for name, door in (("http.listen", settings.http), ("grpc.listen", settings.grpc)):
        if not (settings.server.open or door.address.is_loopback):
            raise StartError(
                f"{name} {door.address} can be reached from other machines, and there are no credentials yet: anybody "
                "there could read and change everything. Listen on 127.0.0.1, or allow it by --open (server.open)"
            )


def _check_pairs(rocketmq: RocketMq) -> None:
    """What means nothing without something else is not ignored."""
    pairs = (("access_key", "secret_key"), ("secret_key", "access_key"), ("security_token", "access_key"))
    files = [(name, "tls") for name in ("tls_ca", "tls_cert", "tls_server_name")]
    for name, needed in (*pairs, *files, ("tls_key", "tls_cert")):
        if getattr(rocketmq, name) and not getattr(rocketmq, needed):
            raise InvalidConfig(f"means nothing without rocketmq.{needed}", path=f"$.rocketmq.{name}")


def _meta(field: msgspec.structs.FieldInfo) -> msgspec.Meta:
    meta: msgspec.Meta = field.type.__metadata__[0]
    return meta


def _mask(field: msgspec.structs.FieldInfo, text: str) -> str:
    if (_meta(field).extra or {}).get("secret") and text:
        return "***"
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}***", text)


def _text(value: object) -> str:
    """A value as its author would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (Duration, Size)):
        return str(value)
    whole = [unit for unit, factor in value.units.items() if value >= factor and value % factor == 0]
    unit = max(whole, key=value.units.__getitem__) if whole else min(value.units, key=value.units.__getitem__)
    return f"{value / value.units[unit]:.15g}{unit}"
