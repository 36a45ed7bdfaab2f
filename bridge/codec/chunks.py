"""One door for the planes: requests into chunks of a log, chunks into events, results into answers."""

from bridge.codec.answers import format_put_response, format_put_results
from bridge.codec.judged import Judged
from bridge.codec.log import decode_event, encode_event, events_of
from bridge.codec.putting import PutRequest, judge_events, judge_http, judge_put_request, parse_put_request

__all__ = [
    "Judged",
    "PutRequest",
    "decode_event",
    "encode_event",
    "events_of",
    "format_put_response",
    "format_put_results",
    "judge_events",
    "judge_http",
    "judge_put_request",
    "parse_put_request",
]
