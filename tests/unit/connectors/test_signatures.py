"""Signatures: the vector, several secrets, keys, and what is no secret."""

import sys
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connectors.signatures import Signer, Signing, make_message_id
from bridge.errors import InvalidConfig
from bridge.testing.connectors import make_event

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
"""The first pair of keys of RFC 8032, 7.1."""


def secret(raw: bytes, prefix: str = "whsec_") -> str:
    return prefix + b64encode(raw).decode()


def test_the_vector() -> None:
    """Id, timestamp and body, joined by dots, under HMAC-SHA256."""
    body = b'{"type":"order.created","data":{"n":1}}'
    assert Signer(Signing(secrets=(SECRET,))).sign("msg_demo0001", 1795428000, body) == {
        "webhook-id": "msg_demo0001",
        "webhook-timestamp": "1795428000",
        "webhook-signature": "v1,zoJvcXsSIPmPEiu7F1ql2/eCzK1Hk27+jCCnGxo1s3g=",
    }


def test_each_secret_and_key_gives_a_signature() -> None:
    """In one header, in their order, so that the receiver may know only one of them."""
    other = secret(b"x" * 24)
    both = Signer(Signing(secrets=(other, SECRET), keys=(secret(SEED, "whsk_"),)))
    signatures = both.sign("m", 1, b"b")["webhook-signature"].split(" ")
    alone = [Signer(Signing(secrets=(s,))).sign("m", 1, b"b")["webhook-signature"] for s in (other, SECRET)]
    assert signatures[:2] == alone
    assert [signature.partition(",")[0] for signature in signatures] == ["v1", "v1", "v1a"]


@pytest.mark.parametrize("raw", [SEED, SEED + PUBLIC])
def test_a_key_s_signature_is_verified_by_its_public_half(raw: bytes) -> None:
    """Of what is signed, and of nothing else; the key may be given with its public half."""
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    exceptions = pytest.importorskip("cryptography.exceptions")
    header = Signer(Signing(keys=(secret(raw, "whsk_"),))).sign("msg_1", 7, b"body")["webhook-signature"]
    version, _, signature = header.partition(",")
    assert version == "v1a"
    public = ed25519.Ed25519PublicKey.from_public_bytes(PUBLIC)
    public.verify(b64decode(signature), b"msg_1.7.body")
    with pytest.raises(exceptions.InvalidSignature):
        public.verify(b64decode(signature), b"msg_1.8.body")


@pytest.mark.parametrize(
    ("signing", "path", "reason"),
    [
        (Signing(), None, "at least one"),
        (Signing(secrets=(SECRET, SECRET.removeprefix("whsec_"))), "$.secrets[1]", "must begin with whsec_"),
        (Signing(secrets=("whsec_",)), "$.secrets[0]", "0 bytes"),
        (Signing(secrets=("whsec_no base64!",)), "$.secrets[0]", "is not whsec_ followed by Base64"),
        (Signing(secrets=("whsec_\u00fc",)), "$.secrets[0]", "is not whsec_ followed by Base64"),
        (Signing(secrets=(secret(b"x" * 23),)), "$.secrets[0]", "23 bytes"),
        (Signing(secrets=(secret(b"x" * 65),)), "$.secrets[0]", "65 bytes"),
        (Signing(keys=(secret(PUBLIC, "whpk_"),)), "$.keys[0]", "must begin with whsk_"),
        (Signing(keys=(secret(b"x" * 33, "whsk_"),)), "$.keys[0]", "33 bytes"),
        (Signing(keys=(secret(SEED + SEED, "whsk_"),)), "$.keys[0]", "belongs to another key"),
    ],
)
def test_what_is_no_secret_or_key_is_refused(signing: Signing, path: str | None, reason: str) -> None:
    """By its path; what it is, is not told."""
    if signing.keys:
        pytest.importorskip("cryptography")
    with pytest.raises(InvalidConfig, match=reason) as caught:
        Signer(signing)
    assert caught.value.path == path
    for text in (*signing.secrets, *signing.keys):
        told = f"{caught.value} {caught.value.__cause__}"
        assert len(text) < 8 or text.removeprefix("whsec_").removeprefix("whsk_") not in told


def test_keys_without_their_package_name_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets need nothing."""
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    Signer(Signing(secrets=(SECRET,)))
    with pytest.raises(InvalidConfig, match=r"bridge\[signatures\]") as caught:
        Signer(Signing(keys=(secret(SEED, "whsk_"),)))
    assert caught.value.path == "$.keys"


def test_the_id_is_that_of_the_events() -> None:
    """Of source and id alone, in their order, and of where one ends and the other begins."""
    first = make_message_id([make_event("1", b"1")])
    assert first == make_message_id([make_event("1", b"2", subject="x")])
    others = [
        [make_event("2")],
        [make_event("1", source="/other")],
        [make_event("7", source="/junction/")],
        [make_event("1"), make_event("2")],
        [make_event("2"), make_event("1")],
    ]
    assert len({first, *(make_message_id(events) for events in others)}) == 6


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C",))), st.text(min_size=1, max_size=3))
def test_any_id_is_a_short_token_without_a_dot(source: str, id_: str) -> None:
    """As it goes into a header and into what is signed."""
    found = make_message_id([make_event(id_.encode("utf-8", "replace").decode(), source=source)])
    assert found.isascii()
    assert "." not in found
    assert len(found) == 28
