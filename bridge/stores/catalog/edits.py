"""What an edit means, the same for every catalog: whether it may happen, and what it makes of a resource. Pure."""

from collections.abc import Mapping

from msgspec.structs import replace

from bridge.errors import Conflict, NotFound
from bridge.model.resource import Ref, Resource
from bridge.stores.catalog.base import Delete, Put


def ref_of(edit: Put | Delete) -> Ref:
    return edit.resource.ref if isinstance(edit, Put) else edit.ref


def apply_edit(edit: Put | Delete, stored: Resource | None, now: float) -> Resource | None:
    """The resource after the edit (None: deleted). Raises NotFound or Conflict."""
    if isinstance(edit, Delete) and stored is None:
        raise NotFound(f"there is no {edit.ref}")
    _check_revision(edit, stored)
    if isinstance(edit, Delete):
        return None
    created, revision = (stored.created, stored.revision) if stored else (now, 0)
    return replace(edit.resource, revision=revision + 1, created=created, updated=now)


def _check_revision(edit: Put | Delete, stored: Resource | None) -> None:
    found = stored.revision if stored else 0
    if edit.expected is None or edit.expected == found:
        return
    if not found:
        raise Conflict(f"{ref_of(edit)} is not there any more; revision {edit.expected} was expected")
    if not edit.expected:
        raise Conflict(f"{ref_of(edit)} is there already, with revision {found}")
    raise Conflict(f"{ref_of(edit)} has revision {found}, not {edit.expected}; it was changed in between")


def has_labels(resource: Resource, labels: Mapping[str, str] | None) -> bool:
    return labels is None or labels.items() <= resource.labels.items()
