"""Every status has its meaning for a delivery; Retry-After in its forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connectors.answers import YEAR_S, Answer, judge, one_line, parse_retry_after, wants_no_more
from bridge.errors import Rejected, Retryable

NOW = 784111777.0
"""Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110."""


def outcome(status: int) -> str:
    match judge(Answer(status, {}), NOW):
        case None:
            return "done"
        case Retryable():
            return "again"
        case _:
            return "never"


def test_all_statuses() -> None:
    """2xx done; 3xx and most 4xx never; 404, 408, 409, 429, 5xx and what nobody knows again."""
    assert {s for s in range(1000) if outcome(s) == "done"} == set(range(200, 300))
    assert {s for s in range(300, 500) if outcome(s) == "again"} == {404, 408, 409, 429}
    assert all(outcome(s) == "never" for s in (301, 304, 400, 401, 402, 403, 405, 406, 410, 413, 415, 418, 422, 451))
    assert all(outcome(s) == "again" for s in (0, 100, 101, 199, 500, 501, 502, 503, 504, 505, 599, 600, 999))


def test_the_reason_holds_status_and_text() -> None:
    """On one line; a redirect names where it leads."""
    assert str(judge(Answer(422, {}, b"no\nsuch  \x07light"), NOW)) == "status 422: no such \ufffdlight"
    assert str(judge(Answer(503, {}), NOW)) == "status 503"
    assert "to http://b/" in str(judge(Answer(302, {"Location": "http://b/"}), NOW))
    assert "to nowhere" in str(judge(Answer(304, {}), NOW))


def test_the_wish_when_to_come_back_is_passed_on() -> None:
    """On every status that is tried again: for this delivery, and for all others."""
    for status in (404, 429, 500, 503):
        failure = judge(Answer(status, {"Retry-After": "7"}), NOW)
        assert isinstance(failure, Retryable)
        assert (failure.after_s, failure.hold_s) == (7.0, 7.0)
        failure = judge(Answer(status, {}), NOW)
        assert isinstance(failure, Retryable)
        assert (failure.after_s, failure.hold_s) == (None, None)
    failure = judge(Answer(400, {"Retry-After": "7"}), NOW)
    assert isinstance(failure, Rejected)
    assert failure.hold_s is None


def test_the_reason_tells_of_the_wish() -> None:
    """Also of one that is no time, and so is ignored; bounded and on one line as all of it."""

    def reason(wish: str) -> str:
        return str(judge(Answer(503, {"Retry-After": wish}, b"busy"), NOW))

    assert reason("31622400") == "status 503: busy (Retry-After: 31622400)"
    assert reason("so\non") == "status 503: busy (Retry-After: so on, which is no time)"
    assert len(reason("9" * 5000)) < 200


def test_the_beginning_of_the_answer_is_kept() -> None:
    """Of every failure, as it came."""
    for status in (302, 400, 410, 503):
        failure = judge(Answer(status, {}, b"no\xff\n"), NOW)
        assert failure is not None
        assert failure.answer == b"no\xff\n"


def test_three_statuses_say_that_it_is_too_much() -> None:
    """429, 502, 504; 503 may have other reasons."""
    failures = {status: judge(Answer(status, {}), NOW) for status in range(1000)}
    assert {status for status, failure in failures.items() if failure and failure.overload} == {429, 502, 504}


def test_refusals_are_told_apart() -> None:
    """Where a status says more than no."""
    failures = {status: judge(Answer(status, {}), NOW) for status in range(1000)}
    kinds = {status: failure.kind for status, failure in failures.items() if isinstance(failure, Rejected)}
    assert {status: kind for status, kind in kinds.items() if kind != "rejected"} == {
        401: "not-authorised",
        403: "not-authorised",
        407: "not-authorised",
        410: "target-retired",
        413: "too-large",
    }


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Sun, 06 Nov 1994 08:49:36 GMT", 0.0),
        ("Sun, 06 Nov 1994 10:50:37 +0200", 60.0),
    ],
)
def test_seconds_and_the_three_forms_of_a_date(value: str, seconds: float) -> None:
    """A date that has passed means now."""
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-1", "1.5", "1e3", "٣", "9" * 5000, "Sun, 99 Nov 1994 08:50:37 GMT"]
)
def test_what_is_no_time_is_ignored(value: str | None) -> None:
    """As if the header were not there."""
    assert parse_retry_after(value, NOW) is None


@pytest.mark.parametrize("value", ["31622401", "999999999", "Fri, 06 Nov 2099 08:49:37 GMT"])
def test_a_wait_is_a_year_at_most(value: str) -> None:
    """In seconds and as a date. How much of it is granted, the target's policy says."""
    assert parse_retry_after(value, NOW) == YEAR_S
    failure = judge(Answer(429, {"Retry-After": value}), NOW)
    assert isinstance(failure, Retryable)
    assert failure.after_s == failure.hold_s == YEAR_S


def test_a_retired_target_is_told_from_other_refusals() -> None:
    """Its reason says so, and nothing more is to be sent; that is what the status means, whoever says it."""
    failure = judge(Answer(410, {}, b"moved out"), NOW)
    assert isinstance(failure, Rejected)
    assert failure.reason == "the target is retired: status 410: moved out"
    assert failure.retire
    assert {s for s in range(1000) if (f := judge(Answer(s, {}), NOW)) and f.retire} == {410}


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_the_target_may_ask_to_be_sent_nothing_more(status: int) -> None:
    """With any failure, which stays what it is; if it is surely the target that says so."""
    answer = Answer(status, {"Webhook-Delivery": "disable"}, b"enough")
    plain, failure = judge(answer, NOW), judge(answer, NOW, authentic=True)
    assert plain is not None
    assert failure is not None
    assert not plain.retire
    assert failure.retire
    assert type(failure) is type(plain)
    assert failure.reason == f"the target asked to be sent nothing more (webhook-delivery: disable): {plain.reason}"


def test_it_may_ask_for_that_when_it_has_taken_the_delivery() -> None:
    """The delivery is done."""
    answer = Answer(200, {"Webhook-Delivery": " DISABLE "})
    assert judge(answer, NOW, authentic=True) is None
    assert wants_no_more(answer)
    assert not wants_no_more(Answer(200, {"Webhook-Delivery": "abort-message"}))
    assert not wants_no_more(Answer(200, {}))


def test_the_target_may_abort_a_delivery() -> None:
    """Whatever failure it answers with, if it is surely the target that says so."""
    for status in (400, 404, 429, 500, 503):
        answer = Answer(status, {"Webhook-Delivery": " Abort-Message "})
        failure = judge(answer, NOW, authentic=True)
        assert isinstance(failure, Rejected)
        assert failure.reason == f"aborted by the target: status {status}"
        assert (failure.kind, failure.retire) == ("aborted-by-target", False)
        assert "aborted" not in str(judge(answer, NOW))
    assert judge(Answer(200, {"Webhook-Delivery": "abort-message"}), NOW, authentic=True) is None
    assert isinstance(judge(Answer(503, {"Webhook-Delivery": "wait"}), NOW, authentic=True), Retryable)


@given(st.text())
def test_any_header_is_a_wait_or_nothing(value: str) -> None:
    """Never an error, never negative, never beyond the cap."""
    found = parse_retry_after(value, NOW)
    assert found is None or 0 <= found <= YEAR_S


@given(st.text())
def test_one_line_is_printable_and_bounded(text: str) -> None:
    """Whatever a server sends."""
    line = one_line(text, 20)
    assert len(line) <= 20
    assert line.isprintable()
