"""Where listeners listen, and what the URL of a store names."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple, Self

from bridge.errors import InvalidConfig


class Address(NamedTuple):
    """Where a listener listens. Port 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """``127.0.0.1:8080``, ``[::1]:8080``, ``:8080`` (every address). Raises InvalidConfig."""
        host, colon, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535 or (":" in bare and bare == host):
            raise InvalidConfig(f"{text!r} is not an address such as 127.0.0.1:8080 or [::1]:8080")
        return cls(bare, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def lmdb_directory(url: str) -> Path | None:
    """The directory that a store's URL names; None if it names none."""
    scheme, _, rest = url.partition(":")
    return Path(rest) if scheme == "lmdb" else None


def name_servers(url: str) -> tuple[str, ...]:
    """The name servers that a store's URL names; none if it names none. Raises InvalidConfig."""
    scheme, _, rest = url.partition("://")
    if scheme != "rocketmq":
        return ()
    hosts = [host if re.search(r":\d+$", host) else f"{host}:9876" for host in re.split("[,;]", rest.rstrip("/"))]
    addresses = [Address.parse(host) for host in hosts]
    if not all(address.host and address.port for address in addresses):
        raise InvalidConfig(f"{url!r} names no name server; write rocketmq://HOST:9876")
    return tuple(map(str, addresses))
