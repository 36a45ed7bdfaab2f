"""Signatures of requests, after Standard Webhooks 1.0.0: a receiver can tell who sent a body, and when.

What is signed is ``id.timestamp.body``. Each secret and each key gives a signature, all in one header, and a receiver
takes the request when one of them fits: so secrets can be changed without a gap, the old one beside the new for a while.
"""

import hmac
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Annotated

from bridge.connectors.base import field
from bridge.errors import InvalidConfig
from bridge.model.documents import Document
from bridge.model.event import Event

HEADERS = {"webhook-id", "webhook-timestamp", "webhook-signature"}
_EXTRA = "signing with keys needs the package cryptography: install bridge[signatures]"

_Sign = Callable[[bytes], str]
"""From what is signed to one signature, with its version before it."""


class Signing(Document, frozen=True, kw_only=True):
    secrets: Annotated[
        tuple[str, ...],
        field("`whsec_…`: signed with HMAC-SHA256 (`v1`); several while they are changed.", secret=True, max_length=8),
    ] = ()
    keys: Annotated[
        tuple[str, ...],
        field("`whsk_…`: signed with ed25519 (`v1a`); needs `bridge[signatures]`.", secret=True, max_length=8),
    ] = ()


class Signer:
    """Raises InvalidConfig when a secret or key is none; the path begins at Signing, and no secret is told."""

    def __init__(self, signing: Signing) -> None:
        makers = (("secrets", signing.secrets, _symmetric), ("keys", signing.keys, _asymmetric))
        self._sign: list[_Sign] = []
        for name, texts, make in makers:
            for index, text in enumerate(texts):
                try:
                    self._sign.append(make(text))
                except ValueError as error:
                    raise InvalidConfig(str(error), path=f"$.{name}[{index}]") from error
                except ImportError as error:
                    raise InvalidConfig(_EXTRA, path=f"$.{name}") from error
        if not self._sign:
            raise InvalidConfig("needs at least one secret or key")

    def sign(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """The headers to add. ``timestamp``: when this attempt is made, in seconds since the epoch."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(sign(signed) for sign in self._sign),
        }


def make_message_id(events: Iterable[Event]) -> str:
    """The same for the same events, whenever and however often they are sent; without a dot, as they are signed."""
    digest = sha256()
    for event in events:
        digest.update(f"{event.source}\0{event.id}\0".encode())  # neither may hold a control character
    return f"msg_{urlsafe_b64encode(digest.digest()[:18]).decode()}"


def _symmetric(text: str) -> _Sign:
    secret = _decode(text, "whsec_")
    if not 24 <= len(secret) <= 64:
        raise ValueError(f"holds {len(secret)} bytes; a secret has 24 to 64")
    return lambda signed: f"v1,{b64encode(hmac.digest(secret, signed, 'sha256')).decode()}"


def _asymmetric(text: str) -> _Sign:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed, public = (raw := _decode(text, "whsk_"))[:32], raw[32:]
    if len(raw) not in {32, 64}:
        raise ValueError(f"holds {len(raw)} bytes; a key has 32, or 64 with its public half")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    if public and public != key.public_key().public_bytes_raw():
        raise ValueError("its public half belongs to another key")
    return lambda signed: f"v1a,{b64encode(key.sign(signed)).decode()}"


def _decode(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise ValueError(f"must begin with {prefix}")
    try:
        return b64decode(text.removeprefix(prefix), validate=True)
    except ValueError:
        raise ValueError(f"is not {prefix} followed by Base64") from None  # the cause may quote the secret
