"""Documents into resources and back: the one flat form of interface.md, as JSON or YAML, one or several."""

from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from bridge.codec import times as codec_times
from bridge.controlplane.exact import check_names, format_exact, parse_exact
from bridge.controlplane.paths import child, document
from bridge.controlplane.yaml import parse_yaml
from bridge.errors import InvalidConfig, InvalidInput, UnsupportedMediaType
from bridge.model import times
from bridge.model.documents import Document, parse_json
from bridge.model.resource import Resource
from bridge.rules.jsontext import Members

JSON = "application/json"
YAML = "application/yaml"
MEDIA_TYPES = {JSON: JSON, YAML: YAML, "application/x-yaml": YAML, "text/yaml": YAML, "text/x-yaml": YAML}
"""What is understood, and as which of the two."""

_PATTERN = ("$.spec.pattern",)
"""Names given twice mean something there; the pattern's own parser judges them."""


class ResourceDocument(Document, frozen=True, kw_only=True):
    """A resource as people write and read it. ``revision``, if sent, makes the write conditional; ``created``,
    ``updated`` and ``status`` are written by the server and ignored when they are sent back.
    """

    kind: str = ""
    bus: str = ""
    name: str = ""
    description: str = ""
    labels: dict[str, Any] = msgspec.field(default_factory=dict)
    spec: Raw = Raw(b"{}")
    revision: Annotated[int, Meta(ge=0, le=2**53)] = 0
    created: Any = None
    updated: Any = None
    status: Any = None


def media_type(content_type: str) -> str:
    """Which of JSON and YAML a content type means; YAML, which JSON is nearly a part of, where there is none."""
    name = content_type.partition(";")[0].strip().lower()
    if name and name not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"{name} is not understood here; send {JSON} or {YAML}")
    return MEDIA_TYPES.get(name, YAML)


def parse_documents(body: bytes, media: str) -> list[Resource]:
    """One or several resources: YAML documents, or JSON, one object or an array of them.

    Raises InvalidConfig; its path begins at the document, ``$[1].spec`` for the second of several.
    """
    texts = _split_json(body) if media == JSON else _split_yaml(body)
    if not texts:
        raise InvalidConfig("there is no definition in it")
    resources = []
    for index, text in enumerate(texts):
        with document(index, len(texts)):
            resources.append(parse_resource(text))
    return resources


def _split_json(body: bytes) -> list[bytes]:
    root = parse_exact(body)
    if isinstance(root, Members):
        return [body]
    if not isinstance(root, list):
        raise InvalidConfig("a definition is a JSON object, or several in an array")
    return [bytes(raw) for raw in msgspec.json.decode(body, type=list[Raw])]


def _split_yaml(body: bytes) -> list[bytes]:
    """Empty documents, which a stray ``---`` makes, are left out."""
    try:
        documents = parse_yaml(body.decode())
    except UnicodeDecodeError as error:
        raise InvalidConfig(f"not UTF-8: {error.reason} at byte {error.start}") from error
    return [format_exact(document).encode() for document in documents if document is not None]


def parse_resource(text: bytes) -> Resource:
    """One resource from JSON text. Raises InvalidConfig."""
    root = parse_exact(text)
    check_names(root, except_in=_PATTERN)
    found = parse_json(text, ResourceDocument)
    return Resource(
        kind=found.kind,
        bus=found.bus,
        name=found.name,
        description=found.description,
        labels=_labels(found.labels),
        spec=_copy(found.spec),
        revision=found.revision,
    )


def _labels(labels: dict[str, Any]) -> dict[str, str]:
    for key, value in labels.items():
        if not isinstance(value, str):
            raise InvalidConfig("a label's value is text; quote it", path=child("$.labels", key))
    return labels


def _copy(raw: Raw) -> Raw:
    """Let go of the request's body, which the raw part would hold on to."""
    return Raw(bytes(raw))


class ResourceView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A resource as the server shows it; times in RFC 3339. One that was deleted is only named."""

    kind: str
    bus: str = ""
    name: str
    description: str = ""
    labels: dict[str, str] = {}
    spec: Raw | UnsetType = UNSET
    revision: int = 0
    created: str = ""
    updated: str = ""
    status: dict[str, Any] = {}


def view(resource: Resource) -> ResourceView:
    return ResourceView(
        kind=resource.kind,
        bus=resource.bus,
        name=resource.name,
        description=resource.description,
        labels=resource.labels,
        spec=Raw(msgspec.json.format(bytes(resource.spec), indent=-1)),
        revision=resource.revision,
        created=format_time(resource.created),
        updated=format_time(resource.updated),
        status=resource.status,
    )


def views(resources: Iterable[Resource]) -> list[ResourceView]:
    return [view(resource) for resource in resources]


def format_time(seconds: float) -> str:
    """Seconds since the epoch in RFC 3339, UTC, to the millisecond; empty for 0, which is none."""
    return times.format_time(seconds) if seconds else ""


def parse_time(text: str, path: str) -> float:
    """Seconds since the epoch of a time in RFC 3339. Raises InvalidInput with this path."""
    found = codec_times.parse_time(text)
    if found is None:
        raise InvalidInput(f"{text!r} is not a time with its zone, such as 2026-11-24T08:30:00Z", path=path)
    seconds, nanos = found
    return seconds + nanos / 1e9
