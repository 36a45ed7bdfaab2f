"""The broker's settings, by RocketMQ's own names: text all of them, read and changed by requests 25 and 26.

Values are those of a fresh broker, except four that reference brokers of ours also set: topics are not created by sends,
SQL filters and recalls are allowed, and a timer that meets what it cannot deliver passes over it.
"""

from collections.abc import Iterator, Mapping

DEFAULTS = {
    "autoCreateSubscriptionGroup": "true",
    "autoCreateTopicEnable": "false",
    "brokerPermission": "6",
    "defaultQueryMaxNum": "32",
    "enableMixedMessageType": "false",
    "enablePropertyFilter": "true",
    "maxMessageSize": "4194304",
    "maxTransferBytesOnMessageInDisk": "65536",
    "maxTransferBytesOnMessageInMemory": "262144",
    "maxTransferCountOnMessageInDisk": "8",
    "maxTransferCountOnMessageInMemory": "32",
    "recallMessageEnable": "true",
    "rocketmq.serialize.type": "JSON",
    "timerMaxDelaySec": "259200",
    "timerPrecisionMs": "1000",
    "timerSkipUnknownError": "true",
    "timerWheelEnable": "true",
    "useServerSideResetOffset": "true",
}


class Config(Mapping[str, str]):
    """Takes any name, as a broker does, and obeys those of ``DEFAULTS``."""

    def __init__(self, changes: Mapping[str, str] | None = None) -> None:
        self._values = {**DEFAULTS, **(changes or {})}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def update(self, changes: Mapping[str, str]) -> None:
        self._values.update(changes)

    def number(self, name: str) -> int:
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        return self._values[name].lower() == "true"
