import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PauseTargetRequest(_message.Message):
    __slots__ = ("bus", "rule", "target", "reason")
    BUS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    bus: str
    rule: str
    target: str
    reason: str
    def __init__(self, bus: _Optional[str] = ..., rule: _Optional[str] = ..., target: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseTargetResponse(_message.Message):
    __slots__ = ("paused",)
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    paused: Pause
    def __init__(self, paused: _Optional[_Union[Pause, _Mapping]] = ...) -> None: ...

class Pause(_message.Message):
    __slots__ = ("since", "reason", "by")
    SINCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    since: _timestamp_pb2.Timestamp
    reason: str
    by: str
    def __init__(self, since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ..., by: _Optional[str] = ...) -> None: ...

class ResumeTargetRequest(_message.Message):
    __slots__ = ("bus", "rule", "target", "skip")
    BUS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    SKIP_FIELD_NUMBER: _ClassVar[int]
    bus: str
    rule: str
    target: str
    skip: bool
    def __init__(self, bus: _Optional[str] = ..., rule: _Optional[str] = ..., target: _Optional[str] = ..., skip: _Optional[bool] = ...) -> None: ...

class ResumeTargetResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class StoredEvent(_message.Message):
    __slots__ = ("bus", "partition", "offset")
    BUS_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    bus: str
    partition: int
    offset: int
    def __init__(self, bus: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class TestPatternRequest(_message.Message):
    __slots__ = ("pattern", "event", "dialect", "stored", "filter")
    PATTERN_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    pattern: str
    event: str
    dialect: str
    stored: StoredEvent
    filter: str
    def __init__(self, pattern: _Optional[str] = ..., event: _Optional[str] = ..., dialect: _Optional[str] = ..., stored: _Optional[_Union[StoredEvent, _Mapping]] = ..., filter: _Optional[str] = ...) -> None: ...

class TestPatternResponse(_message.Message):
    __slots__ = ("matched", "fields", "omitted", "filter")
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    matched: bool
    fields: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    omitted: int
    filter: _struct_pb2.Struct
    def __init__(self, matched: _Optional[bool] = ..., fields: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ..., omitted: _Optional[int] = ..., filter: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class TestRulesRequest(_message.Message):
    __slots__ = ("bus", "event", "stored")
    BUS_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    bus: str
    event: str
    stored: StoredEvent
    def __init__(self, bus: _Optional[str] = ..., event: _Optional[str] = ..., stored: _Optional[_Union[StoredEvent, _Mapping]] = ...) -> None: ...

class TestRulesResponse(_message.Message):
    __slots__ = ("matched", "nearly", "rules", "disabled", "broken")
    class BrokenEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    NEARLY_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    BROKEN_FIELD_NUMBER: _ClassVar[int]
    matched: _containers.RepeatedScalarFieldContainer[str]
    nearly: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    rules: int
    disabled: _containers.RepeatedScalarFieldContainer[str]
    broken: _containers.ScalarMap[str, str]
    def __init__(self, matched: _Optional[_Iterable[str]] = ..., nearly: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ..., rules: _Optional[int] = ..., disabled: _Optional[_Iterable[str]] = ..., broken: _Optional[_Mapping[str, str]] = ...) -> None: ...

class TestTransformRequest(_message.Message):
    __slots__ = ("transform", "event", "stored")
    TRANSFORM_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    STORED_FIELD_NUMBER: _ClassVar[int]
    transform: str
    event: str
    stored: StoredEvent
    def __init__(self, transform: _Optional[str] = ..., event: _Optional[str] = ..., stored: _Optional[_Union[StoredEvent, _Mapping]] = ...) -> None: ...

class TestTransformResponse(_message.Message):
    __slots__ = ("payload", "content_type", "variables", "missing")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CONTENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    MISSING_FIELD_NUMBER: _ClassVar[int]
    payload: str
    content_type: str
    variables: _struct_pb2.Struct
    missing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, payload: _Optional[str] = ..., content_type: _Optional[str] = ..., variables: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., missing: _Optional[_Iterable[str]] = ...) -> None: ...

class ListDeadLettersRequest(_message.Message):
    __slots__ = ("bus", "rule", "target", "reason", "limit", "page_token", "since", "until")
    BUS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    bus: str
    rule: str
    target: str
    reason: str
    limit: int
    page_token: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, bus: _Optional[str] = ..., rule: _Optional[str] = ..., target: _Optional[str] = ..., reason: _Optional[str] = ..., limit: _Optional[int] = ..., page_token: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDeadLettersResponse(_message.Message):
    __slots__ = ("dead_letters", "next_page_token")
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    dead_letters: _containers.RepeatedCompositeFieldContainer[_struct_pb2.Struct]
    next_page_token: str
    def __init__(self, dead_letters: _Optional[_Iterable[_Union[_struct_pb2.Struct, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetDeadLetterRequest(_message.Message):
    __slots__ = ("bus", "id")
    BUS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    bus: str
    id: str
    def __init__(self, bus: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class PurgeDeadLettersRequest(_message.Message):
    __slots__ = ("bus", "ids", "rule", "target", "reason", "since", "until", "all")
    BUS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    bus: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    rule: str
    target: str
    reason: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    all: bool
    def __init__(self, bus: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., rule: _Optional[str] = ..., target: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., all: _Optional[bool] = ...) -> None: ...

class PurgeDeadLettersResponse(_message.Message):
    __slots__ = ("purged",)
    PURGED_FIELD_NUMBER: _ClassVar[int]
    purged: int
    def __init__(self, purged: _Optional[int] = ...) -> None: ...

class RedriveDeadLettersRequest(_message.Message):
    __slots__ = ("bus", "ids", "rule", "target", "reason", "since", "until", "all", "rate", "dry_run")
    BUS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    bus: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    rule: str
    target: str
    reason: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    all: bool
    rate: str
    dry_run: bool
    def __init__(self, bus: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ..., rule: _Optional[str] = ..., target: _Optional[str] = ..., reason: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., all: _Optional[bool] = ..., rate: _Optional[str] = ..., dry_run: _Optional[bool] = ...) -> None: ...

class RedriveDeadLettersResponse(_message.Message):
    __slots__ = ("matched", "redrive")
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    REDRIVE_FIELD_NUMBER: _ClassVar[int]
    matched: int
    redrive: Redrive
    def __init__(self, matched: _Optional[int] = ..., redrive: _Optional[_Union[Redrive, _Mapping]] = ...) -> None: ...

class Redrive(_message.Message):
    __slots__ = ("id", "bus", "state", "matched", "sent", "delivered", "parked", "failed", "rate", "started", "ended", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    BUS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MATCHED_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    DELIVERED_FIELD_NUMBER: _ClassVar[int]
    PARKED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    bus: str
    state: str
    matched: int
    sent: int
    delivered: int
    parked: int
    failed: int
    rate: float
    started: _timestamp_pb2.Timestamp
    ended: _timestamp_pb2.Timestamp
    reason: str
    def __init__(self, id: _Optional[str] = ..., bus: _Optional[str] = ..., state: _Optional[str] = ..., matched: _Optional[int] = ..., sent: _Optional[int] = ..., delivered: _Optional[int] = ..., parked: _Optional[int] = ..., failed: _Optional[int] = ..., rate: _Optional[float] = ..., started: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ListRedrivesRequest(_message.Message):
    __slots__ = ("bus",)
    BUS_FIELD_NUMBER: _ClassVar[int]
    bus: str
    def __init__(self, bus: _Optional[str] = ...) -> None: ...

class ListRedrivesResponse(_message.Message):
    __slots__ = ("redrives",)
    REDRIVES_FIELD_NUMBER: _ClassVar[int]
    redrives: _containers.RepeatedCompositeFieldContainer[Redrive]
    def __init__(self, redrives: _Optional[_Iterable[_Union[Redrive, _Mapping]]] = ...) -> None: ...

class GetRedriveRequest(_message.Message):
    __slots__ = ("bus", "id")
    BUS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    bus: str
    id: str
    def __init__(self, bus: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class CancelRedriveRequest(_message.Message):
    __slots__ = ("bus", "id")
    BUS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    bus: str
    id: str
    def __init__(self, bus: _Optional[str] = ..., id: _Optional[str] = ...) -> None: ...

class ListDelayedEventsRequest(_message.Message):
    __slots__ = ("bus", "limit", "page_token")
    BUS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    bus: str
    limit: int
    page_token: str
    def __init__(self, bus: _Optional[str] = ..., limit: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDelayedEventsResponse(_message.Message):
    __slots__ = ("delayed_events", "next_page_token")
    DELAYED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    delayed_events: _containers.RepeatedCompositeFieldContainer[DelayedEvent]
    next_page_token: str
    def __init__(self, delayed_events: _Optional[_Iterable[_Union[DelayedEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DelayedEvent(_message.Message):
    __slots__ = ("id", "source", "type", "subject", "scheduled")
    ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_FIELD_NUMBER: _ClassVar[int]
    id: str
    source: str
    type: str
    subject: str
    scheduled: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., source: _Optional[str] = ..., type: _Optional[str] = ..., subject: _Optional[str] = ..., scheduled: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CancelDelayedEventRequest(_message.Message):
    __slots__ = ("bus", "id", "source")
    BUS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    bus: str
    id: str
    source: str
    def __init__(self, bus: _Optional[str] = ..., id: _Optional[str] = ..., source: _Optional[str] = ...) -> None: ...

class CancelDelayedEventResponse(_message.Message):
    __slots__ = ("cancelled",)
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    cancelled: int
    def __init__(self, cancelled: _Optional[int] = ...) -> None: ...
