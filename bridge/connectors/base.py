"""The contract of a connector to a target.

A kind of target is one module: its docstring says what it does, its delivery guarantee and which failures are retried
(paragraphs that begin with ``Guarantee:`` and ``Retried:``); ``Config`` is a frozen struct; ``Target`` is the class. From
these come validation with paths, JSON Schema, CLI help and docs. A module of ``bridge.connectors.targets`` is found by its
name; an installed package offers one through the entry point group ``bridge.connectors`` (name = kind, value = the class).

**Life.** bridge makes one instance per target of a rule, calls ``open`` once, then ``send`` as often as there is
something to deliver, up to ``concurrency`` sends at a time, then ``close`` once, when no send is under way any more.
After NotConnected, ``close`` and ``open`` are called before the next send. A changed config makes a new instance. All
calls come on one event loop; nothing here may block it: slow work goes to a thread.

**send** takes 1 to ``max_batch`` deliveries, in the order of the log, and returns when the target has taken all of them.
Otherwise it raises: Retryable (with a wish when to come back), Rejected (never again), NotConnected, or PartlyFailed with
one of these for each delivery that failed; the others are then taken. Where several failed as one and nobody knows for
which of them, they share the error, be it raised or in PartlyFailed: they are sent again in halves, until the bad one is
found. Each may carry the beginning of the target's answer,
and what the target said beyond this delivery: send nothing for a while, less at a time, or nothing any more
(``errors.TargetError``). Anything else raised is a bug of the connector: it is logged with its traceback, counted apart
and retried. Cancellation (time-out, stop) may come at any await; what was
sent by then may be sent again. Retries, waits, rate, time-outs and dead letters are not the connector's business.

**Marks on config fields.** ``Annotated[str, field("...", expression=True)]``: the text (or each value of a dict of texts)
may hold placeholders, filled in per delivery; ``secret=True``: masked wherever a definition is shown, so ``check`` and
errors must not tell it either.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import msgspec

from bridge.errors import InvalidInput
from bridge.model.delivery import Delivery
from bridge.model.documents import Document, parse_json
from bridge.model.event import Event

Escape = Callable[[str, str], str]
"""Makes a value fit for the text it goes into: (the text before the placeholder, already filled in; the value)."""


class Config(Document, frozen=True, kw_only=True):
    """Base of every connector's config: unknown members are refused, each field says what it is by ``field``."""

    @property
    def address(self) -> str:
        """Where a delivery with this config, its expressions filled in, goes: shown with a dead letter.

        Nothing secret; a URI or a relative one where possible; empty where there is nothing to say.
        """
        return ""


def field(
    doc: str, *, expression: bool = False, secret: bool = False, escape: Escape | None = None, **limits: Any
) -> msgspec.Meta:
    """Say what a config field is, inside its Annotated type; limits as in msgspec.Meta.

    ``escape`` is applied to every value that a placeholder of this field gives, so that it cannot break out of its place.
    """
    marks: dict[str, Any] = {"x-expression": True} if expression else {}
    if secret:
        marks["writeOnly"] = True
    return msgspec.Meta(
        description=doc,
        extra={"expression": expression, "secret": secret, "escape": escape},
        extra_json_schema=marks or None,
        **limits,
    )


def has_placeholder(text: str) -> bool:
    """Whether a text may still change: ``check`` can judge only texts that hold no placeholder."""
    return "${" in text


class Features(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a kind of target can do; steers lanes and the contract suite."""

    max_batch: int = 1
    """How many deliveries one send may carry."""
    ordered: bool = True
    """Whether deliveries of one send arrive in order."""


class Reach(StrEnum):
    """How far targets may reach beyond public addresses: what the settings of a bridge come to."""

    ALL = "all"
    """Anywhere."""
    LOOPBACK = "loopback"
    """To this machine; elsewhere where a target's own config asks for it."""
    ASKED = "asked"
    """Only where a target's own config asks for it."""
    NONE = "none"
    """Nowhere, whatever a target's config says."""


class Host(Protocol):
    """What a connector may ask of the bridge it runs in."""

    clock: Callable[[], float]
    reach: Reach
    """Every connector that connects to an address that users or events name must keep to it."""

    async def put(self, bus: str, events: Sequence[Event]) -> Mapping[int, InvalidInput]:
        """Put events to a bus of this bridge; those it took are durable when it returns.

        Returns, by index, the events that the bus refused and why; empty when it took all. Raises NotFound, Overloaded
        or StoreError when it took none.
        """


class Target(ABC):
    """A running target. Subclasses set ``kind``, ``Config`` and ``features`` (an instance may narrow them by its config)."""

    kind: ClassVar[str]
    Config: ClassVar[type[Config]]
    features: Features = Features()

    def __init__(self, config: Any, host: Host) -> None:
        """``config`` is the target's Config, expressions not filled in (each Delivery carries the filled-in one)."""
        self.config = config
        self.host = host

    @classmethod  # noqa: B027 - a hook with a default
    def check(cls, config: Any) -> None:
        """Refuse what the struct's types cannot: raise InvalidConfig with the path below the config (``$.url``)."""

    @classmethod  # noqa: B027 - a hook with a default
    def check_reach(cls, config: Any, reach: Reach) -> None:
        """Refuse, when a rule is made, what leads where this bridge's targets may not reach: raise InvalidConfig.

        The config has passed ``check``. Of a rule that is stored, ``send`` alone judges this.
        """

    async def open(self) -> None:  # noqa: B027 - a hook with a default
        """Get ready. Raises Retryable or NotConnected when the target cannot be reached now, Rejected when it never may."""

    @abstractmethod
    async def send(self, deliveries: Sequence[Delivery]) -> None:
        """Push; see the module's contract."""

    async def close(self) -> None:  # noqa: B027 - a hook with a default
        """Let go of everything; never raises."""


def load_config(target: type[Target], raw: msgspec.Raw | bytes) -> Config:
    """The config of a target from its JSON text. Raises InvalidConfig; its path begins at the config (``$.url``)."""
    config = parse_json(bytes(raw), target.Config)
    target.check(config)
    return config


class Description(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A kind of target as users see it."""

    kind: str
    summary: str
    guarantee: str
    """Its delivery guarantee in one sentence."""
    retried: str
    """Which failures are tried again."""
    features: Features | None = None
    """None while it is not available, as for the schema."""
    schema: dict[str, Any] | None = None
    """JSON Schema of its config; ``x-expression`` marks texts that may hold placeholders, ``writeOnly`` secrets."""
    available: bool = True
    install: str = ""
    """What to install to make it available."""


class Kinds(Protocol):
    """The kinds of target there are. ``connectors.registry`` finds them; everyone else sees only this."""

    def find(self, kind: str) -> type[Target] | None:
        """The class of a kind; None when there is none or when it is not available."""

    def kinds(self) -> list[str]:
        """The kinds that are available, in alphabetical order."""

    def describe(self) -> list[Description]:
        """Every kind, also those that are not available."""

    def check(self, target: type[Target], config: Config) -> None:
        """Refuse a config that is right in itself, but not allowed in this bridge. Raises InvalidConfig."""
