"""One door for the planes: requests into chunks of a log, chunks into events, results into answers."""

from bridge.codec.answers import format_put_response, format_put_results
from bridge.codec.delayed import chunks_of, keep_delayed, read_delayed
from bridge.codec.judged import Delayed, Judged
from bridge.codec.log import decode_event, encode_event, events_of
from bridge.codec.putting import PutRequest, find_bus, judge_events, judge_http, judge_put_request, parse_put_request

__all__ = [
    "Delayed",
    "Judged",
    "PutRequest",
    "chunks_of",
    "decode_event",
    "encode_event",
    "events_of",
    "find_bus",
    "format_put_response",
    "format_put_results",
    "judge_events",
    "judge_http",
    "judge_put_request",
    "keep_delayed",
    "parse_put_request",
    "read_delayed",
]
