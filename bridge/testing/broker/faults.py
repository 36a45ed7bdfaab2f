"""Faults on demand: what goes wrong with which requests, how often, on which server.

``on`` names a server, a broker's name or ``NAME_SERVER``; left out, it is every broker. ``codes`` are request codes; left
out, it is what the fault says. ``times`` counts requests; ``math.inf`` is until ``heal``. Of several faults that concern
a request, the oldest is used.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.testing.broker.requests import Answer
from bridge.testing.broker.sends import SEND_V1

NAME_SERVER = "name server"
SENDS = frozenset({SEND_V1, RequestCode.SEND_MESSAGE_V2, RequestCode.SEND_BATCH_MESSAGE})
_BUSY = "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: 205ms, size of queue: 58"
_FULL = (
    "service not available now. It may be caused by one of the following reasons: the broker's disk is full "
    "[CL:  0.91 CQ:  0.91 INDEX:  0.91], messages are put to the slave, message store has been shut down, etc."
)


@dataclass(slots=True)
class Fault:
    """What happens to a request. ``performed``: it is carried out all the same; ``told``: its answer is sent."""

    times: float
    codes: Collection[int] | None
    on: str | None
    answer: Answer | None = None
    performed: bool = False
    told: bool = True
    closes: bool = False
    delay_s: float = 0.0

    def concerns(self, server: str, code: int) -> bool:
        here = server == self.on if self.on else server != NAME_SERVER
        return here and self.times > 0 and (self.codes is None or code in self.codes)


class Faults:
    """Of one cluster."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def busy(self, times: float = 1, *, codes: Collection[int] = SENDS, on: str | None = None) -> None:
        """Flow control: answered 2, not stored."""
        self.refuse(ResponseCode.SYSTEM_BUSY, _BUSY, times, codes=codes, on=on)

    def refuse_writes(self, times: float = math.inf, *, on: str | None = None) -> None:
        """The disk is full: sends are answered 14."""
        self.refuse(ResponseCode.SERVICE_NOT_AVAILABLE, _FULL, times, codes=SENDS, on=on)

    def refuse(
        self,
        code: int,
        remark: str = "",
        times: float = 1,
        *,
        codes: Collection[int] | None = None,
        on: str | None = None,
    ) -> None:
        """Answered with any code, not carried out."""
        self._faults.append(Fault(times, codes, on, answer=Answer(code, remark=remark)))

    def stored_weakly(
        self, code: int = ResponseCode.FLUSH_DISK_TIMEOUT, times: float = 1, *, on: str | None = None
    ) -> None:
        """A send is carried out, and answered 10, 11 or 12 with everything else that its answer says."""
        self._faults.append(Fault(times, SENDS, on, answer=Answer(code), performed=True))

    def drop(
        self,
        times: float = 1,
        *,
        performed: bool = False,
        codes: Collection[int] | None = None,
        on: str | None = None,
    ) -> None:
        """The connection is closed instead of an answer; ``performed``: after the request was carried out."""
        self._faults.append(Fault(times, codes, on, performed=performed, told=False, closes=True))

    def black_hole(
        self,
        times: float = math.inf,
        *,
        performed: bool = False,
        codes: Collection[int] | None = None,
        on: str | None = None,
    ) -> None:
        """No answer ever comes; the connection stays open. ``performed``: the request was carried out."""
        self._faults.append(Fault(times, codes, on, performed=performed, told=False))

    def slow(
        self, seconds: float, times: float = math.inf, *, codes: Collection[int] | None = None, on: str | None = None
    ) -> None:
        """Answers come later by real seconds; the requests are carried out at once."""
        self._faults.append(Fault(times, codes, on, performed=True, delay_s=seconds))

    def heal(self) -> None:
        """No faults any more."""
        self._faults.clear()

    def take(self, server: str, code: int) -> Fault | None:
        """The fault that concerns a request, used up by one."""
        for fault in self._faults:
            if fault.concerns(server, code):
                fault.times -= 1
                return fault
        return None
