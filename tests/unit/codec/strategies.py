"""Events of every form, valid ones, for the laws that codecs keep."""

import json

from google.protobuf.any_pb2 import Any
from hypothesis import strategies as st

from bridge.codec.times import FIRST, LAST, format_time
from bridge.model.event import DataForm, Event

CHARACTERS = st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs"))
TEXT = st.text(CHARACTERS, min_size=1)
REFERENCES = st.sampled_from(["/s", "/junction/7", "urn:uuid:1", "https://a.example/b?c=%20#d", "x", "#fragment"])
CANONICAL_TIMES = st.builds(
    format_time,
    st.integers(FIRST, LAST) | st.integers(1_700_000_000, 1_800_000_000),
    st.sampled_from([0, 1, 999_999_999, 1000, 120_000, 5_000_000]) | st.integers(0, 999_999_999),
)
TIMES = CANONICAL_TIMES | st.sampled_from(
    ["2026-11-24t08:30:00z", "2026-11-24T08:30:00.10Z", "2026-11-24T08:30:00+05:30", "1990-12-31T23:59:60Z",
     "0001-01-01T00:00:00+01:00", "2026-11-24T08:30:00.1234567890123Z", "2026-11-24T08:30:00-00:00"]
)  # fmt: skip
JSON_TYPES = st.sampled_from(["application/json", "text/json; charset=utf-8", "application/x+json"])
OTHER_TYPES = st.sampled_from(["text/plain", "application/xml", "application/octet-stream"])
JSON_DATA = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=5).map(
    lambda value: json.dumps(value, ensure_ascii=False).encode()
)
EXTENSIONS = st.dictionaries(
    st.from_regex(r"ext[a-z0-9]{0,4}", fullmatch=True) | st.sampled_from(["partitionkey", "class", "7up"]),
    TEXT | st.booleans() | st.integers(-(2**31), 2**31 - 1),
    max_size=3,
)


def events(
    *forms: DataForm, times: st.SearchStrategy = TIMES, extensions: st.SearchStrategy = EXTENSIONS
) -> st.SearchStrategy[Event]:
    """Events whose data came in one of these forms, or that have none."""
    data = st.one_of(st.just((None, DataForm.BINARY, None)), *(DATA[form] for form in forms))
    core = st.fixed_dictionaries({}, optional={"subject": TEXT, "time": times, "dataschema": st.just("urn:a:b")})
    return st.builds(_event, TEXT, REFERENCES, TEXT, core, extensions, data)


def _event(id_: str, source: str, type_: str, core: dict, extensions: dict, data: tuple) -> Event:
    content, form, kind = data
    attributes = core | ({} if kind is None else {"datacontenttype": kind}) | extensions
    return Event(id_, source, type_, attributes, content, form)


DATA = {
    DataForm.BINARY: st.tuples(st.binary(), st.just(DataForm.BINARY), st.none() | OTHER_TYPES),
    DataForm.JSON: st.tuples(JSON_DATA, st.just(DataForm.JSON), st.none() | JSON_TYPES),
    DataForm.TEXT: st.tuples(TEXT.map(str.encode), st.just(DataForm.TEXT), OTHER_TYPES),
    DataForm.PROTO: st.tuples(
        st.builds(lambda url, value: Any(type_url=url, value=value).SerializeToString(), TEXT, st.binary()),
        st.just(DataForm.PROTO),
        st.none() | OTHER_TYPES,
    ),
}
ANY_FORM = events(*DataForm)
