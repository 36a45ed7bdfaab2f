"""Which handler answers which request of a broker."""

from bridge.rocketmq.codes import ResponseCode
from bridge.testing.broker import (
    definitions,
    inspection,
    lookups,
    membership,
    positions,
    pulling,
    recalls,
    retries,
    sending,
)
from bridge.testing.broker.requests import Answer, Refusal, Request
from bridge.testing.broker.state import Broker, Handler
from bridge.testing.broker.users import Users

HANDLERS: dict[int, Handler] = {
    code: handler
    for room in (sending, retries, recalls, pulling, positions, definitions, membership, lookups, inspection)
    for code, handler in room.HANDLERS.items()
}


def answer(broker: Broker, users: Users, request: Request) -> Answer | None:
    """Carry a request out; None when it has no answer yet."""
    try:
        users.check(request)
        handler = HANDLERS.get(request.command.code)
        if handler is None:
            remark = f" request type {request.command.code} not supported"
            raise Refusal(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark)
        return handler(broker, request)
    except Refusal as refusal:
        return refusal.answer
