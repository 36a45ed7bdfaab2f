"""Whether a target is paused, since when and why: what the control plane writes into a rule and the data plane obeys.

A rule's status holds the pauses that were asked for while it runs: ``{"paused": {"<target>": {"since", "reason", "by"}}}``.
They are not in the spec, so that applying the same document again does not resume a target. A spec may say ``paused: true``
itself, too.

Beside them stands which targets were let go on last: ``{"resumed": {"<target>": {"number", "at", "skip"}}}``. A target that
is blocked may be so at any instance; each of them acts once when it sees a number that it has not seen.
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from bridge.errors import NotFound
from bridge.model.documents import parse_json
from bridge.model.resource import Resource
from bridge.model.rule import RuleSpec, TargetSpec
from bridge.model.times import format_time

IN_SPEC = "paused in its definition"

Author = Literal["operator", "bridge"]
"""Who paused a target: a person or a program that asked, or the bridge itself, which gave up on it."""
Entries = dict[str, dict[str, Any]]
"""Pauses by target, as they stand in a rule's status."""


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """``since``: RFC 3339. ``reason``: a sentence, may be empty."""

    since: str
    reason: str
    by: Author = "operator"


class Resumption(msgspec.Struct, frozen=True, kw_only=True):
    """``number`` counts those of a target. ``at``: RFC 3339. ``skip``: behind the event that blocks it."""

    number: int
    at: str
    skip: bool = False


def resumptions(resource: Resource) -> dict[str, Resumption]:
    """By target, the last one."""
    return msgspec.convert(resource.status.get("resumed", {}), dict[str, Resumption])


def with_resumptions(resource: Resource, found: dict[str, Resumption]) -> Resource:
    """The rule with these in its status, and the rest of it as it was."""
    rest = {name: value for name, value in resource.status.items() if name != "resumed"}
    return replace(resource, status=rest | ({"resumed": msgspec.to_builtins(found)} if found else {}))


def let_go_on(resource: Resource, target: str, at: str, *, skip: bool) -> Resource:
    """The rule with this target at work, and every instance told to let it go on where it is blocked. Raises NotFound."""
    resource = resume(resource, target)
    found = resumptions(resource)
    number = found[target].number + 1 if target in found else 1
    return with_resumptions(resource, found | {target: Resumption(number=number, at=at, skip=skip)})


def paused(resource: Resource, spec: TargetSpec) -> Pause | None:
    """The pause of a rule's target; None when it may deliver. What was asked for at run time says more than the spec."""
    entry = entries(resource).get(spec.name)
    if entry is not None:
        return msgspec.convert(entry, Pause)
    return Pause(since=format_time(resource.updated), reason=IN_SPEC) if spec.paused else None


def entries(resource: Resource) -> Entries:
    """What a rule's status says of pauses."""
    found: Entries = resource.status.get("paused", {})
    return found


def with_entries(resource: Resource, found: Entries) -> Resource:
    """The rule with these pauses in its status, and the rest of it as it was."""
    rest = {name: value for name, value in resource.status.items() if name != "paused"}
    return replace(resource, status=rest | {"paused": found} if found else rest)


def pause(resource: Resource, target: str, entry: Pause) -> Resource:
    """The rule with this target paused; the same object when it was at run time: the first pause stands. Raises NotFound."""
    _check_target(resource, target)
    found = entries(resource)
    return resource if target in found else with_entries(resource, found | {target: msgspec.to_builtins(entry)})


def resume(resource: Resource, target: str) -> Resource:
    """The rule with this target at work, by status and spec; the same object when it was. Raises NotFound."""
    spec = _check_target(resource, target)
    found = entries(resource)
    if target in found:
        resource = with_entries(resource, {name: entry for name, entry in found.items() if name != target})
    return replace(resource, spec=_with_paused_false(resource.spec, target)) if spec.paused else resource


def _check_target(resource: Resource, target: str) -> TargetSpec:
    for spec in parse_json(bytes(resource.spec), RuleSpec).targets:
        if spec.name == target:
            return spec
    raise NotFound(f"there is no target {resource.bus}/{resource.name}/{target}")


def _with_paused_false(spec: msgspec.Raw, target: str) -> msgspec.Raw:
    """All else stays as its author wrote it, digits and order included."""
    members = msgspec.json.decode(spec, type=dict[str, msgspec.Raw])
    targets = msgspec.json.decode(members["targets"], type=list[dict[str, msgspec.Raw]])
    for one in targets:
        if msgspec.json.decode(one["name"]) == target:
            one["paused"] = msgspec.Raw(b"false")
    return msgspec.Raw(msgspec.json.encode(members | {"targets": msgspec.Raw(msgspec.json.encode(targets))}))
