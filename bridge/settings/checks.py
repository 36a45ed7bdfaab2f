"""What must hold of settings beyond their types. Raises InvalidConfig and StartError."""

from collections.abc import Callable
from typing import Any

from bridge.errors import InvalidConfig, StartError
from bridge.settings.addresses import Address, name_servers
from bridge.settings.sections import RocketMq, Settings


def _check_store(url: Any) -> None:
    scheme, _, rest = url.partition(":")
    if not ((scheme == "lmdb" and rest) or url == "memory:" or name_servers(url)):
        raise InvalidConfig(f"{url!r} is no store; use lmdb:DIRECTORY, rocketmq://HOST:9876 or memory:")


def _check_message_size(size: Any) -> None:
    if size < 2**16:
        raise InvalidConfig("less than 64KiB is not enough for messages")


CHECKS: dict[str, Callable[[Any], object]] = {
    "grpc.listen": Address.parse,
    "http.listen": Address.parse,
    "store.url": _check_store,
    "rocketmq.message_size": _check_message_size,
}


def check_doors(settings: Settings) -> None:
    """Promise 7: open to this machine only, unless somebody says otherwise in so many words."""
    for name, door in (("http.listen", settings.http), ("grpc.listen", settings.grpc)):
        if not (settings.server.open or door.address.is_loopback):
            raise StartError(
                f"{name} {door.address} can be reached from other machines, and there are no credentials yet: anybody "
                "there could read and change everything. Listen on 127.0.0.1, or allow it by --open (server.open)"
            )


def check_pairs(rocketmq: RocketMq) -> None:
    """What means nothing without something else is not ignored."""
    pairs = (("access_key", "secret_key"), ("secret_key", "access_key"), ("security_token", "access_key"))
    files = [(name, "tls") for name in ("tls_ca", "tls_cert", "tls_server_name")]
    for name, needed in (*pairs, *files, ("tls_key", "tls_cert")):
        if getattr(rocketmq, name) and not getattr(rocketmq, needed):
            raise InvalidConfig(f"means nothing without rocketmq.{needed}", path=f"$.rocketmq.{name}")
