"""The golden events of the CloudEvents conformance tests, and how one of ours is compared with them."""

import base64
import json
from pathlib import Path
from typing import Any

from bridge.codec.times import parse_time
from bridge.model.event import Event

DATA = Path(__file__).resolve().parents[3] / "shared" / "conformance"


def load(name: str) -> dict[str, Any]:
    """A data file; empty when the folder is not there."""
    path = DATA / name
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def cases(name: str) -> list[dict[str, Any]]:
    """The tests of all files in a data file."""
    return [test for file in load(name).get("files", {}).values() for test in file["tests"]]


GOLDEN = load("cloudevents-format-golden.json")


def assert_is_golden(event: object, sample: str) -> None:
    """Every attribute and the data of the golden event, and nothing else."""
    assert isinstance(event, Event), event
    wanted = dict(GOLDEN["events"][sample])
    data = wanted.pop("data", None)
    got = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, **event.attributes}
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert_value(got[name], value)
    assert event.data == (None if data is None else content(data))


def assert_value(got: Any, wanted: Any) -> None:
    """Times are compared as instants, bytes also with their Base64, which is what JSON knows of them."""
    if isinstance(wanted, dict) and "timestamp" in wanted:
        assert parse_time(got) == parse_time(wanted["timestamp"])
    elif isinstance(wanted, dict) and "bytes_base64" in wanted:
        assert got in {wanted["bytes_base64"], base64.b64decode(wanted["bytes_base64"])}
    else:
        assert got == wanted
        assert type(got) is type(wanted)


def content(data: dict[str, str]) -> bytes:
    """The bytes of golden data."""
    return data["text"].encode() if "text" in data else base64.b64decode(data["bytes_base64"])
