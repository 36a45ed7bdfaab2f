"""Signatures of ACL 2.0 (recorded ones are recomputed in test_recorded_frames)."""

import base64
import hashlib
import hmac

import pytest

from bridge.rocketmq.auth import Credentials, sign, signed
from bridge.rocketmq.errors import Refused

ADMIN = Credentials("admin", "adminsecret")


def test_values_are_signed_in_the_order_of_their_names() -> None:
    """Upper-case names come first, the signature itself is left out, the body comes last."""
    expected = hmac.new(b"adminsecret", "AccessKeyz1ü".encode() + b"\xffbody", hashlib.sha1).digest()
    ext = {"b": "ü", "AccessKey": "AccessKey", "a": "z1", "Signature": "old"}
    assert sign(ext, b"\xffbody", ADMIN) == base64.b64encode(expected).decode()


def test_what_is_sent_holds_all_that_is_signed() -> None:
    """Key and token are added before, the signature after; what was given stays as it was."""
    given = {"topic": "t"}
    full = signed(given, b"", Credentials("admin", "adminsecret", "token"))
    assert full == {"topic": "t", "AccessKey": "admin", "SecurityToken": "token", "Signature": sign(full, b"", ADMIN)}
    assert given == {"topic": "t"}
    assert "SecurityToken" not in signed(given, b"", ADMIN)


def test_secrets_are_not_shown() -> None:
    """Neither in repr nor in text."""
    assert repr(Credentials("admin", "adminsecret", "token")) == "Credentials(access_key='admin')"


def test_what_is_no_text_cannot_be_signed() -> None:
    """A lone surrogate is refused."""
    with pytest.raises(Refused, match="no valid text"):
        sign({"a": "\ud800"}, b"", ADMIN)
