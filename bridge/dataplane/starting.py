"""Where targets begin that a change of their rule adds. Pure."""

from collections.abc import Iterator

from bridge.dataplane.making import RuleEntry
from bridge.errors import BridgeError
from bridge.model.documents import parse_json
from bridge.model.resource import Resource
from bridge.model.rule import RuleSpec, own_cursor


def past_starts(resource: Resource, known: RuleEntry | None) -> Iterator[tuple[str, dict[int, int]]]:
    """The own cursor, and its first positions by partition, of each target that is new and begins in the past.

    ``known``: the rule as it was before. A rule that cannot be read adds none.
    """
    try:
        spec = parse_json(bytes(resource.spec), RuleSpec)
    except BridgeError:
        return
    before = known.names if known is not None and (known.compiled is not None or known.broken is not None) else ()
    starts = resource.status.get("starts", {})
    for target in spec.targets:
        if spec.enabled and target.start != "latest" and target.name not in before and target.name in starts:
            positions = {int(partition): offset for partition, offset in starts[target.name].items()}
            yield own_cursor(resource.name, target.name), positions
