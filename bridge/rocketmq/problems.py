"""What does not work at the moment, for a log that people read and for those who ask whether all is well."""

import logging
from collections.abc import Mapping, Sequence

from bridge.rocketmq.errors import RocketMQError

_LOG = logging.getLogger("bridge.rocketmq")


class Problems:
    """The errors of things that are tried again and again, by what was being done and where."""

    def __init__(self, subject: str) -> None:
        self.current: dict[str, RocketMQError] = {}
        self._subject = subject

    def note(self, doing: str, failed: Mapping[str, RocketMQError]) -> bool:
        """Where doing this failed just now; each change is one line in the log. Whether all is well with it."""
        now = {f"{doing}: {where}": error for where, error in failed.items()}
        before = {name for name in self.current if name.startswith(f"{doing}: ")}
        for name in sorted(now.keys() - before):
            _LOG.warning("%s: %s: %s; trying again", self._subject, name, now[name])
        for name in sorted(before - now.keys()):
            _LOG.warning("%s: %s: works again", self._subject, name)
            del self.current[name]
        self.current.update(now)
        return not now


def failures(places: Sequence[str], answers: Sequence[object]) -> dict[str, RocketMQError]:
    """The errors among the answers (of ``asyncio.gather``), by place. Raises what is no error of RocketMQ's."""
    failed: dict[str, RocketMQError] = {}
    for place, answer in zip(places, answers, strict=True):
        if isinstance(answer, RocketMQError):
            failed[place] = answer
        elif isinstance(answer, BaseException):
            raise answer
    return failed
