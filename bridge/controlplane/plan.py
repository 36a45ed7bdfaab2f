"""What an apply would do: compare what is wanted with what is there. Pure."""

from collections.abc import Mapping, Sequence
from difflib import unified_diff
from typing import Literal, NamedTuple

from msgspec.structs import replace

from bridge.controlplane.exact import parse_exact
from bridge.controlplane.paths import document
from bridge.controlplane.yaml import format_yaml
from bridge.errors import Conflict, InvalidConfig
from bridge.model.resource import Ref, Resource
from bridge.rules.jsontext import Json, Members

MAX_DIFF_LINES = 2_000
"""Lines that differ, at most, for a diff line by line: finding the shortest takes quadratic time."""

Action = Literal["created", "changed", "unchanged"]


class Step(NamedTuple):
    """One resource of an apply: what is there, and what is to be (equal content when unchanged)."""

    action: Action
    before: Resource | None
    after: Resource


def check_once(wanted: Sequence[Resource]) -> None:
    """Refuse to be told two things about one resource."""
    seen: dict[Ref, int] = {}
    for index, resource in enumerate(wanted):
        first = seen.setdefault(resource.ref, index)
        if first != index:
            raise InvalidConfig(f"{resource.ref} is given twice, first as $[{first}]", path=f"$[{index}]")


def plan(wanted: Sequence[Resource], found: Mapping[Ref, Resource]) -> list[Step]:
    """One step for each wanted resource, in order. Raises Conflict where a revision was sent and is not the one found."""
    steps = []
    for index, resource in enumerate(wanted):
        with document(index, len(wanted)):
            steps.append(_step(resource, found.get(resource.ref)))
    return steps


def _step(wanted: Resource, found: Resource | None) -> Step:
    check_revision(wanted.ref, wanted.revision, found)
    if found is None:
        return Step("created", None, replace(wanted, revision=0, created=0.0, updated=0.0, status={}))
    if comparable(definition(wanted)) == comparable(definition(found)):
        return Step("unchanged", found, found)
    kept = {"revision": found.revision, "created": found.created, "updated": found.updated, "status": found.status}
    return Step("changed", found, replace(wanted, **kept))


def check_revision(ref: Ref, wanted: int, found: Resource | None) -> None:
    """A revision that was sent must be the one that is stored; 0 is none sent."""
    if wanted and found is None:
        raise Conflict(f"{ref} is not there any more; revision {wanted} was sent", path="$.revision")
    if wanted and found and wanted != found.revision:
        raise Conflict(f"{ref} has revision {found.revision}, not {wanted}; read it again first", path="$.revision")


def definition(resource: Resource) -> Json:
    """What an author writes, and nothing that the server adds: two of these are equal or not."""
    members: list[tuple[str, Json]] = [("kind", resource.kind)]
    members += [(name, text) for name in ("bus", "name", "description") if (text := getattr(resource, name))]
    if resource.labels:
        members.append(("labels", Members(resource.labels.items())))
    return Members([*members, ("spec", parse_exact(bytes(resource.spec)))])


def comparable(value: Json) -> Json:
    """Members by name, as their order means nothing; except in transforms, whose payloads keep it."""
    if isinstance(value, Members):
        ordered = sorted(value, key=lambda member: member[0])
        return Members((name, member if name == "transform" else comparable(member)) for name, member in ordered)
    return [comparable(member) for member in value] if isinstance(value, list) else value


def diff(step: Step) -> str:
    """A unified diff of the definition in YAML; empty unless it changed."""
    if step.action != "changed" or step.before is None:
        return ""
    old, new = (format_yaml(definition(resource)).splitlines() for resource in (step.before, step.after))
    if _differing(old, new) > MAX_DIFF_LINES:
        return f"{len(old)} lines became {len(new)}: too many to compare\n"
    name = str(step.after.ref)
    return "\n".join([*unified_diff(old, new, f"{name} as it is", f"{name} as applied", lineterm=""), ""])


def _differing(old: Sequence[str], new: Sequence[str]) -> int:
    """Lines between the equal beginning and the equal end, at most."""
    shortest = min(len(old), len(new))
    start = next((i for i in range(shortest) if old[i] != new[i]), shortest)
    end = next((i for i in range(shortest - start) if old[-1 - i] != new[-1 - i]), shortest - start)
    return max(len(old), len(new)) - start - end
