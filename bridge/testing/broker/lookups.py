"""One message by its place in the log (33), several by key or unique key (12).

Differs from a real broker: its index stores hashes, so it may return messages with other keys; this one does not.
"""

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.testing.broker.requests import Answer, Refusal, Request
from bridge.testing.broker.state import Broker, Handler


def view(broker: Broker, request: Request) -> Answer:
    """Also of topics that were deleted."""
    offset = request.number("offset")
    record = broker.log.view(offset)
    if record is None:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"can not find message by the offset, {offset}")
    return Answer(body=record.encoded)


def query(broker: Broker, request: Request) -> Answer:
    """The newest ``maxNum`` matches, oldest first; a unique key has a limit of its own."""
    topic, key, most = request.text("topic"), request.text("key"), request.number("maxNum")
    begin_ms, end_ms = request.number("beginTimestamp"), request.number("endTimestamp")
    if request.flag("_UNIQUE_KEY_QUERY"):
        most = broker.config.number("defaultQueryMaxNum")
    found = broker.log.find(topic, key, begin_ms, end_ms)[-most:] if most > 0 else []
    last = broker.log.last if found else None
    ext = {
        "indexLastUpdateTimestamp": str(last.message.store_time_ms if last else 0),
        "indexLastUpdatePhyoffset": str(last.message.physical_offset if last else 0),
    }
    if not found:
        raise Refusal(ResponseCode.QUERY_NOT_FOUND, "can not find message, maybe time range not correct", ext)
    return Answer(ext=ext, body=b"".join(record.encoded for record in found))


HANDLERS: dict[int, Handler] = {RequestCode.VIEW_MESSAGE_BY_ID: view, RequestCode.QUERY_MESSAGE: query}
