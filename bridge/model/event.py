"""An event: a CloudEvent 1.0, exactly as it was put.

Attributes keep their spelling and order; ``data`` stays bytes until somebody needs its value. Nothing in bridge edits
an event; a transform makes a payload beside it.
"""

from enum import IntEnum
from functools import lru_cache

import msgspec

Value = str | int | bool | bytes
"""An attribute's value. URI, URI-reference and Timestamp are text in their original spelling."""


class DataForm(IntEnum):
    """In which member of a JSON or protobuf event the data stood, so that it can go out the same way."""

    BINARY = 0  # data_base64, binary_data, or an HTTP body
    JSON = 1  # JSON `data`: the bytes are the JSON text as received
    TEXT = 2  # a JSON string holding text, or text_data: the bytes are its UTF-8
    PROTO = 3  # proto_data: the bytes are the serialised google.protobuf.Any


class Event(msgspec.Struct, frozen=True, gc=False):
    """One CloudEvent.

    ``attributes`` holds every context attribute except the four required ones: the optional core attributes
    (``subject``, ``time``, ``datacontenttype``, ``dataschema``) and the extensions, in order of arrival.
    ``data`` is None when the event has none; the JSON payload ``null`` is ``b"null"``.
    """

    id: str
    source: str
    type: str
    attributes: dict[str, Value]
    data: bytes | None = None
    data_form: DataForm = DataForm.BINARY

    @property
    def subject(self) -> str | None:
        value = self.attributes.get("subject")
        return value if isinstance(value, str) else None

    @property
    def content_type(self) -> str | None:
        value = self.attributes.get("datacontenttype")
        return value if isinstance(value, str) else None

    @property
    def has_json_data(self) -> bool:
        """Whether ``data`` claims to be JSON, by its content type or, without one, by how it arrived."""
        if self.data is None:
            return False
        kind = self.content_type
        return is_json(kind) if kind is not None else self.data_form is DataForm.JSON

    @property
    def key(self) -> str:
        """What decides the partition: the ``partitionkey`` extension, else the subject, else the source."""
        value = self.attributes.get("partitionkey")
        return str(value) if value is not None else (self.subject or self.source)


@lru_cache(maxsize=1024)
def is_json(content_type: str) -> bool:
    """Whether a media type declares JSON: ``*/json`` or ``*/*+json`` (CloudEvents JSON format, section 3.1)."""
    _, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return subtype == "json" or subtype.endswith("+json")
