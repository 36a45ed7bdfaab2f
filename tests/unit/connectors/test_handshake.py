"""Consent: what is asked, and which answers give it."""

import msgspec
import pytest

from bridge.connectors.answers import Answer
from bridge.connectors.handshake import Handshake, ask, judge_consent
from bridge.errors import InvalidConfig
from bridge.model.documents import parse

WISH = Handshake(origin="bridge.city.example", rate=120)


class Headers(dict[str, str]):
    """Finds names in any case, as those of a server do."""

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return next((value for known, value in self.items() if known.lower() == name.lower()), default)


def refusal(wish: Handshake, status: int, **headers: str) -> str:
    """The reason why there is no consent; empty when there is."""
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    found = judge_consent(wish, Answer(status, named), 0.0)
    return found.reason if found is not None else ""


def test_what_is_asked() -> None:
    """The origin, and a rate if one is wanted."""
    assert ask(WISH) == {"webhook-request-origin": "bridge.city.example", "webhook-request-rate": "120"}
    assert ask(Handshake(origin="b")) == {"webhook-request-origin": "b"}


@pytest.mark.parametrize("status", [200, 204, 404, 405, 500])
@pytest.mark.parametrize("origin", ["bridge.city.example", "Bridge.City.EXAMPLE", " * ", "*"])
def test_only_the_header_is_consent(status: int, origin: str) -> None:
    """With it any status will do, without it none."""
    assert not refusal(Handshake(origin="bridge.city.example"), status, WebHook_Allowed_Origin=origin)
    assert f"status {status}" in refusal(Handshake(origin="bridge.city.example"), status, Allow="POST")


@pytest.mark.parametrize("origin", ["city.example", "evil.example", "bridge.city.example, other", "*.city.example", ""])
def test_consent_to_somebody_else_is_none(origin: str) -> None:
    """The name must be ours."""
    assert "no consent" in refusal(WISH, 200, WebHook_Allowed_Origin=origin)


@pytest.mark.parametrize(
    ("rate", "consent"),
    [
        ("120", True),
        ("1000", True),
        ("*", True),
        (None, True),
        ("soon", True),
        ("-1", True),
        ("119", False),
        ("0", False),
    ],
)
def test_a_lower_rate_than_asked_is_no_consent(rate: str | None, consent: bool) -> None:
    """What is no number says nothing; who asked for no rate is told none."""
    headers = {"WebHook_Allowed_Origin": "*"} | ({"WebHook_Allowed_Rate": rate} if rate else {})
    assert bool(refusal(WISH, 200, **headers)) is not consent
    assert not refusal(Handshake(origin="b"), 200, **headers)


def test_it_comes_back_when_the_target_wishes() -> None:
    """With anything: without consent nothing can be sent. Its answer is kept."""
    found = judge_consent(WISH, Answer(503, Headers({"Retry-After": "7"}), b"not now"), 0.0)
    assert found is not None
    assert (found.after_s, found.hold_s, found.answer) == (7.0, 7.0, b"not now")
    found = judge_consent(WISH, Answer(503, Headers({"Retry-After": "soon"})), 0.0)
    assert found is not None
    assert (found.after_s, found.hold_s) == (None, None)


@pytest.mark.parametrize("origin", ["", "a b", "https://x", "x\r\ny", "-x", "x.", "ü", "a" * 254])
def test_an_origin_is_the_name_of_a_host(origin: str) -> None:
    """It goes into a header."""
    with pytest.raises(InvalidConfig):
        parse({"origin": origin}, Handshake)


def test_a_rate_is_not_negative() -> None:
    """Zero asks for none."""
    with pytest.raises(InvalidConfig):
        parse({"origin": "b", "rate": -1}, Handshake)
    assert ask(msgspec.convert({"origin": "b", "rate": 0}, Handshake)) == {"webhook-request-origin": "b"}
