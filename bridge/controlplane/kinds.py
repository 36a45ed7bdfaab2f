"""What a kind of resource is: its names, its spec, and the few moments at which it may have a say.

A new kind is one subclass in a file of its own; Resources, HTTP, gRPC and OpenAPI know kinds only through this class.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from bridge.controlplane.paths import child
from bridge.errors import InvalidConfig
from bridge.model.documents import Document
from bridge.model.resource import Ref, Resource, check_name

MAX_DESCRIPTION = 1_024
MAX_LABELS = 64
MAX_LABEL_VALUE = 255
MAX_SPEC_BYTES = 1024 * 1024
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,126}")


class Kind(ABC):
    name: ClassVar[str]
    """As in documents: ``Rule``."""
    plural: ClassVar[str]
    """As in routes: ``rules``."""
    in_bus: ClassVar[bool]
    """Whether each one belongs to a bus, and is deleted with it."""
    Spec: ClassVar[type[Document]]

    @abstractmethod
    def check(self, resource: Resource) -> list[str]:
        """Judge the spec alone; returns warnings. Raises InvalidInput with the path from the document's root."""

    def mask(self, resource: Resource) -> Resource:
        """The resource as it may be shown, without secrets; the same object when it holds none."""
        return resource

    def unmask(self, resource: Resource, stored: Resource | None) -> Resource:
        """Undo ``mask`` in what is to be applied; the same object when nothing in it is masked.

        Raises InvalidInput, with the path from the document's root, where nothing is stored that a mask could stand for.
        """
        return resource

    def needs(self, resource: Resource) -> Mapping[str, Ref]:
        """What else must be there when it is applied, its bus apart: by the path that names it, from the document's root."""
        return {}

    def check_change(self, before: Resource | None, after: Resource) -> None:  # noqa: B027 - a hook with a default
        """Refuse a change that each of the two states alone does not show."""

    async def prepare(self, before: Resource | None, after: Resource) -> Resource:
        """Make ready for ``after``, which is written next if it differs from ``before``; returns it with its status.

        What is done here must be harmless when that write fails.
        """
        return after

    async def dispose(self, ref: Ref) -> None:  # noqa: B027 - a hook with a default
        """Clear away what belonged to a resource that is deleted by now."""


def check_common(kind: Kind, resource: Resource) -> None:
    """The rules that hold for every kind: names, labels, lengths."""
    check_name(resource.name, "$.name")
    if kind.in_bus:
        check_name(resource.bus, "$.bus")
    elif resource.bus:
        raise InvalidConfig(f"a {kind.name} belongs to no bus", path="$.bus")
    if len(resource.description) > MAX_DESCRIPTION:
        raise InvalidConfig(f"longer than {MAX_DESCRIPTION} characters", path="$.description")
    _check_labels(resource.labels)
    if len(resource.spec) > MAX_SPEC_BYTES:
        raise InvalidConfig(f"longer than {MAX_SPEC_BYTES} bytes", path="$.spec")


def _check_labels(labels: dict[str, str]) -> None:
    if len(labels) > MAX_LABELS:
        raise InvalidConfig(f"{len(labels)} labels; {MAX_LABELS} are allowed", path="$.labels")
    for key, value in labels.items():
        path = child("$.labels", key)
        if _LABEL.fullmatch(key) is None:
            rule = "1 to 127 letters, digits, `.`, `_`, `/` and `-`, the first a letter or digit"
            raise InvalidConfig(f"{key[:140]!r} is not the name of a label: {rule}", path=path)
        if len(value) > MAX_LABEL_VALUE or not (value.isprintable() or not value):
            raise InvalidConfig(f"a label's value has at most {MAX_LABEL_VALUE} printable characters", path=path)
