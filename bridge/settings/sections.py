"""Every setting with its type, its default and what it means: one frozen tree."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from bridge.model.units import Duration, Size
from bridge.settings.addresses import Address, lmdb_directory, name_servers

PREFIX = "BRIDGE_"


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


SECTIONS: dict[str, type[Section]] = {f.name: f.type for f in msgspec.structs.fields(Settings) if f.name != "origins"}
FIELDS: dict[str, msgspec.structs.FieldInfo] = {
    f"{section}.{f.name}": f for section, kind in SECTIONS.items() for f in msgspec.structs.fields(kind)
}


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.replace(".", "_").upper()


def meta(field: msgspec.structs.FieldInfo) -> msgspec.Meta:
    meta: msgspec.Meta = field.type.__metadata__[0]
    return meta
