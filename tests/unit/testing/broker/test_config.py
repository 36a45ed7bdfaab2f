"""Settings by RocketMQ's names."""

from bridge.testing.broker.config import DEFAULTS, Config


def test_settings_are_text_and_read_as_what_they_are() -> None:
    """Defaults, what a test wants, what a request changes."""
    config = Config({"maxMessageSize": "5", "unknown": "x"})
    assert config.number("maxMessageSize") == 5
    assert config.flag("autoCreateSubscriptionGroup")
    config.update({"autoCreateSubscriptionGroup": "False"})
    assert not config.flag("autoCreateSubscriptionGroup")
    assert dict(config) == {**DEFAULTS, "maxMessageSize": "5", "unknown": "x", "autoCreateSubscriptionGroup": "False"}
    assert len(config) == len(DEFAULTS) + 1
