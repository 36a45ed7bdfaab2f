"""The CloudEvents protobuf format, ``io.cloudevents.v1.CloudEvent`` and ``CloudEventBatch``.

Read through ``bridge.internal.Envelope``, the same message with its attributes left encoded (codec/entries.py): several
times faster than the map, and it keeps their order.
"""

from collections.abc import Iterable, Sequence

from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError

from bridge._proto.bridge.internal.raw_pb2 import Envelope, Envelopes, RawBatch, RawEvents
from bridge.codec.attributes import SOURCES, TYPES, are_plain, check_required, check_version, path_of
from bridge.codec.entries import FORM, Entries, check_entry, check_entry_at_once, keep_entry, make_entry, read_entry
from bridge.errors import InvalidEvent, InvalidInput
from bridge.model.event import DataForm, Event, Value

_BINARY = DataForm.BINARY  # as a name of its own: members of an enum are slow to get
_check = Entries(check_entry).__getitem__
_check_at_once = Entries(check_entry_at_once).__getitem__
_read = Entries(read_entry).__getitem__


def parse_event(body: bytes) -> Event:
    """One CloudEvent message. Raises InvalidEvent with the path of the bad attribute."""
    return check_envelope(parse_envelope(body))


def parse_batch(body: bytes) -> list[Event | InvalidInput]:
    """A CloudEventBatch: one result per event. Raises InvalidEvent only when it is no such message."""
    return [_judge(raw) for raw in cut_batch(body)]


def _judge(raw: bytes) -> Event | InvalidInput:
    try:
        return parse_event(raw)
    except InvalidInput as error:
        return error


def cut_batch(body: bytes) -> list[bytes]:
    """The events of a CloudEventBatch, encoded. Raises InvalidEvent when it is no such message."""
    try:
        return RawBatch.FromString(body).events[:]
    except DecodeError as error:
        raise InvalidEvent("not a CloudEventBatch message") from error


def join(raws: Iterable[bytes]) -> bytes:
    """The body of a chunk that holds these events, encoded."""
    return RawEvents(events=raws).SerializeToString()


def parse_envelope(body: bytes) -> Envelope:
    """Raises InvalidEvent, for text that is not UTF-8 as well."""
    try:
        # At the depth at which it is read again: upb limits how deep unknown fields nest.
        return Envelopes.FromString(join((body,))).events[0]
    except DecodeError as error:
        raise InvalidEvent("not a CloudEvent message, or a text in it is not UTF-8") from error


def check_envelope(envelope: Envelope) -> Event:
    """Judge an event by every rule but its size. Raises InvalidEvent."""
    check_version(envelope.spec_version)
    check_required("id", envelope.id)
    check_required("source", envelope.source)
    check_required("type", envelope.type)
    names = set()
    for entry in envelope.attributes:
        name, _ = _check(entry)
        if name in names:
            raise InvalidEvent("this attribute occurs more than once", path=path_of(name))
        names.add(name)
    return trust_envelopes((envelope,))[0]


def check_envelopes(envelopes: Iterable[Envelope]) -> tuple[list[str], list[dict[str, Value]], list[str]]:
    """Judge the events of a request at once: ids, attributes, sources.

    Raises InvalidEvent when any is bad, or may have to wait, without saying which.
    """
    ids, sources, found = [], [], []
    for envelope in envelopes:
        source = envelope.source
        if source not in SOURCES:
            SOURCES.check((source,))
        if envelope.type not in TYPES:
            TYPES.check((envelope.type,))
        if envelope.spec_version != "1.0":
            raise InvalidEvent(path="$.specversion")
        entries = envelope.attributes[:]
        attributes = dict(map(_check_at_once, entries))
        if len(attributes) != len(entries):
            raise InvalidEvent("an attribute occurs more than once")
        ids.append(envelope.id)
        sources.append(source)
        found.append(attributes)
    if not all(ids) or not are_plain(ids):
        for id_ in ids:
            check_required("id", id_)
    return ids, found, sources


def trust_envelopes(envelopes: Iterable[Envelope]) -> list[Event]:
    """The events of a chunk of our own log."""
    events = []
    for envelope in envelopes:
        entries = envelope.attributes[:]
        attributes = dict(map(_read, entries)) if entries else {}
        data, form = (binary, _BINARY) if (binary := envelope.binary_data) else _data(envelope)
        if FORM in attributes:
            form = DataForm(int(attributes.pop(FORM)))
        events.append(Event(envelope.id, envelope.source, envelope.type, attributes, data, form))
    return events


def is_any(data: bytes) -> bool:
    """Whether bytes are a google.protobuf.Any message."""
    try:
        Any.FromString(data)
    except DecodeError:
        return False
    return True


def _data(envelope: Envelope) -> tuple[bytes | None, DataForm]:
    match envelope.WhichOneof("data"):
        case "binary_data":
            return envelope.binary_data, DataForm.BINARY
        case "text_data":
            return envelope.text_data.encode(), DataForm.TEXT
        case "proto_data":
            return envelope.proto_data.SerializeToString(), DataForm.PROTO
        case _:
            return None, DataForm.BINARY


def format_event(event: Event) -> bytes:
    """One event as a CloudEvent message. The ``time`` becomes a Timestamp: its instant stays, its spelling does not."""
    entries = [make_entry(name, value) for name, value in event.attributes.items()]
    if event.data_form is DataForm.JSON and event.content_type is None:
        # Here, unlike in the JSON format, nothing says that it is JSON.
        entries.append(make_entry("datacontenttype", "application/json"))
    return _format(event, entries)


def format_batch(events: Iterable[Event]) -> bytes:
    return RawBatch(events=[format_event(event) for event in events]).SerializeToString()


def keep_event(event: Event) -> bytes:
    """One event for the log: as ``format_event``, but nothing is lost. ``trust_envelopes`` reads it."""
    entries = [keep_entry(name, value) for name, value in event.attributes.items()]
    if event.data_form is DataForm.JSON:
        entries.append(keep_entry(FORM, int(DataForm.JSON)))
    return _format(event, entries)


def _format(event: Event, entries: Sequence[bytes]) -> bytes:
    envelope = Envelope(id=event.id, source=event.source, spec_version="1.0", type=event.type, attributes=entries)
    if event.data is not None:
        match event.data_form:
            case DataForm.BINARY:
                envelope.binary_data = event.data
            case DataForm.PROTO:
                envelope.proto_data.SetInParent()
                envelope.proto_data.MergeFromString(event.data)
            case DataForm.TEXT | DataForm.JSON:
                envelope.text_data = event.data.decode()
    return envelope.SerializeToString()
