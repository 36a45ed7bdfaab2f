"""Errors on the gRPC wire carry what a problem carries."""

from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo

from bridge.codec.problems import status_of
from bridge.errors import InvalidPattern, NotFound, Overloaded


def test_a_status_says_code_and_message() -> None:
    """The code is the table's, the reason is the stable code."""
    status = status_of(NotFound("there is no bus x"))
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (status.code, status.message, info.reason, info.domain) == (5, "there is no bus x", "NOT_FOUND", "bridge")


def test_a_bad_part_is_named() -> None:
    """By its path."""
    status = status_of(InvalidPattern("an empty list matches nothing", path="$.type"))
    bad = BadRequest()
    assert status.details[1].Unpack(bad)
    assert bad.field_violations[0].field == "$.type"


def test_overload_says_when_to_come_back() -> None:
    """As RetryInfo."""
    retry = RetryInfo()
    assert status_of(Overloaded(after_s=1.5)).details[1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 1500
