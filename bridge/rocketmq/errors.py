"""Everything that can go wrong between us and a RocketMQ cluster: was it done, and is another try worth it?

::

    RocketMQError                         done?    again?
    ├── CannotConnect                     no       yes       nothing was sent
    │   └── NoBroker                      no       yes       no address of that broker is known
    ├── ConnectionLost                    unknown  yes       closed while an answer was due
    ├── CallTimeout                       unknown  yes       no answer in time
    ├── NotRocketMQ                       unknown  no        whoever answers speaks something else
    ├── Malformed                         unknown  no        an answer, a message or a body that cannot be read
    │   └── Corrupt                                no        a message whose body does not fit its checksum
    ├── Unreadable                                 no        a compressed body that cannot be unpacked here
    └── BrokerError          1, others    no       yes       whatever has no class of its own; read ``remark``
        ├── Busy             2, 215       no       yes       not stored: flow control
        ├── Unavailable      14, 211, 501, 1500
        │                                 no       yes       disk full, shutting down, a slave, not the leader
        ├── StoredWeakly     10, 11, 12   yes      no        stored, but not as durably as asked for
        ├── NoRoute          17           no       yes       from a name server: unknown topic, or its brokers are down
        ├── TopicNotFound    17           no       route     from a broker: the topic is gone there
        ├── NotFound         22, 3001, 3002
        │                                 no       no        no stored offset, no message for the key, no such user
        ├── GroupNotFound    26           no       no        create the group first
        ├── NoPermission     16           no       no        the ACL, or the topic's permission bits
        ├── NotSupported     3, 15        no       no        wrong port, or another version
        └── Refused          13, 23, 29, 604
            │                             no       no        the request itself is bad; also raised before sending
            └── TooLarge     13, 1        no       no        message, batch or properties above the limit

"Done?" is ``maybe_done``: may the broker have carried it out? "Again?" is ``again``: may the same call succeed later,
unchanged? A send that was perhaps done and is tried again may be stored twice.
"""

from typing import ClassVar, Self


class RocketMQError(Exception):
    """Something between us and RocketMQ failed."""

    again: ClassVar[bool] = False
    maybe_done: bool = False

    def __init__(self, remark: str = "", *, code: int | None = None, address: str | None = None) -> None:
        """``remark``: a sentence for people (the server's own where it sent one); ``code``: the server's answer, None
        if there was none; ``address``: ``host:port`` of the server.
        """
        self.remark = remark or (self.__doc__ or "").split("\n", 1)[0]
        self.code = code
        self.address = address
        super().__init__(self.remark)

    def copy(self) -> Self:
        """The same error for one more caller: an exception that is raised twice mixes up its tracebacks."""
        return type(self)(self.remark, code=self.code, address=self.address)

    def __str__(self) -> str:
        where = f"{self.address}: " if self.address else ""
        return f"{where}{self.remark}" + (f" (answer {self.code})" if self.code is not None else "")


class CannotConnect(RocketMQError):
    """There is no connection; nothing was sent."""

    again = True


class NoBroker(CannotConnect):
    """No address of that broker is known: it never registered, or not since we started."""


class ConnectionLost(RocketMQError):
    """The connection was closed while an answer was due."""

    again = True
    maybe_done = True


class CallTimeout(RocketMQError):
    """No answer came in time."""

    again = True
    maybe_done = True


class NotRocketMQ(RocketMQError):
    """Whoever answers there does not speak RocketMQ's remoting protocol."""

    maybe_done = True


class Malformed(RocketMQError):
    """An answer, a message or a body that cannot be read."""

    maybe_done = True


class Corrupt(Malformed):
    """The body of a message does not fit its checksum."""


class Unreadable(RocketMQError):
    """A compressed body cannot be unpacked here."""


class BrokerError(RocketMQError):
    """The server answered with an error that has no class of its own."""

    again = True


class Busy(BrokerError):
    """The broker is busy; nothing was stored."""


class Unavailable(BrokerError):
    """The broker cannot do this now: disk full, shutting down, or not the master."""


class StoredWeakly(BrokerError):
    """The message is stored, but not as durably as the broker is asked to: do not send it again."""

    again = False
    maybe_done = True


class NoRoute(BrokerError):
    """The name server knows no broker for the topic: it does not exist, or its brokers are down."""


class TopicNotFound(BrokerError):
    """The broker does not have the topic."""


class NotFound(BrokerError):
    """There is no such thing: no stored offset, no message for the key, no such user or policy."""

    again = False


class GroupNotFound(BrokerError):
    """The consumer group does not exist."""

    again = False


class NoPermission(BrokerError):
    """Access is denied, by the ACL or by the permission bits of a topic, a broker or a group."""

    again = False


class NotSupported(BrokerError):
    """The server does not know this request: wrong port, or another version."""

    again = False


class Refused(BrokerError):
    """The request is bad and will always be."""

    again = False


class TooLarge(Refused):
    """The message, batch or properties text is above the limit."""


_CLASSES: dict[int, type[BrokerError]] = {
    2: Busy,
    3: NotSupported,
    10: StoredWeakly,
    11: StoredWeakly,
    12: StoredWeakly,
    13: Refused,
    14: Unavailable,
    15: NotSupported,
    16: NoPermission,
    17: TopicNotFound,
    22: NotFound,
    23: Refused,
    26: GroupNotFound,
    29: Refused,
    211: Unavailable,
    215: Busy,
    501: Unavailable,
    604: Refused,
    1500: Unavailable,
    3001: NotFound,
    3002: NotFound,
}
_SIZE_REMARKS = ("size exceeded", "length not matched", "too large", "too long", "length exceed", "exceeds the max")
"""What brokers write when something is above a limit, some with 13, some with 1."""


def error_of(code: int, remark: str | None = None, address: str | None = None) -> BrokerError:
    """The error for an answer that is none of success. Code 17 is taken as a broker's; a name server's is NoRoute."""
    kind = _CLASSES.get(code, BrokerError)
    if code in {1, 13} and any(words in (remark or "").lower() for words in _SIZE_REMARKS):
        kind = TooLarge
    return kind(remark or "", code=code, address=address)
