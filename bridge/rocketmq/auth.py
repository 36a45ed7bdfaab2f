"""The signature of ACL 2.0: what a broker with authentication checks on every request.

All arguments but the signature itself, sorted by name, give their values, then comes the body; the signature is the
base64 of HMAC-SHA1 over that. So it must be made last, when nothing will be added any more.
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.rocketmq.errors import Refused


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user of the cluster. The secret is left out of ``repr``."""

    access_key: str
    secret_key: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


def sign(ext: Mapping[str, str], body: bytes, credentials: Credentials) -> str:
    """The value of ``Signature`` for these arguments, which already hold ``AccessKey`` (and ``SecurityToken``).

    Raises Refused when a value is no valid text.
    """
    values = "".join([value for name, value in sorted(ext.items()) if name != "Signature"])
    try:
        content = values.encode() + body
    except UnicodeEncodeError as error:
        raise Refused(f"an argument is no valid text: {error.reason}") from error
    return base64.b64encode(hmac.digest(credentials.secret_key.encode(), content, "sha1")).decode()


def signed(ext: Mapping[str, str], body: bytes, credentials: Credentials) -> dict[str, str]:
    """The arguments together with access key, token and signature: what is sent, nothing may be added. Raises Refused."""
    full = {**ext, "AccessKey": credentials.access_key}
    if credentials.security_token:
        full["SecurityToken"] = credentials.security_token
    full["Signature"] = sign(full, body, credentials)
    return full
