"""Secrets in the configs of targets: shown as a mask, and kept when the mask comes back in a definition.

Which fields are secret, their connector says (``field(..., secret=True)``). A mask stands for the stored secret of the
target of the same name and kind; in a list, the masks stand for all stored entries in their order. Of a kind of target
that is not available nobody knows the secrets, so every value is masked. All else in a spec stays as it was written.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw, inspect

from bridge.connectors.base import Kinds
from bridge.controlplane.paths import child
from bridge.errors import InvalidConfig

MASK = "********"

Secrets = Mapping[str, "Secrets | None"]
"""The members of a config that hold secrets, each with those of its own that do; None: it is one itself."""

_Edit = Callable[[Raw, str, str, str], Raw]
"""Makes a config from that of a target, given the target's kind, its name and the config's path."""


def mask_rule(spec: Raw, kinds: Kinds) -> Raw:
    """A rule's spec as it may be shown; the same object when it holds no secret."""
    return _edit(spec, lambda config, kind, *_: _mask(config, _secrets(kinds, kind)))


def unmask_rule(spec: Raw, stored: Raw | None, kinds: Kinds) -> Raw:
    """A rule's spec with the stored secrets in place of their masks; the same object when it holds no mask.

    Raises InvalidConfig where a mask stands for nothing; the path begins at the spec.
    """
    kept: dict[tuple[str, str], Raw] = {}

    def keep(config: Raw, kind: str, name: str, _: str) -> Raw:
        kept[kind, name] = config
        return config

    def restore(config: Raw, kind: str, name: str, path: str) -> Raw:
        return _unmask(config, kept.get((kind, name)), _secrets(kinds, kind), path)

    if stored is not None:
        _edit(stored, keep)
    return _edit(spec, restore)


def _edit(spec: Raw, edit: _Edit) -> Raw:
    """A spec with edited configs. What is no rule at all stays as it is, for those who judge it."""
    members = _members(spec)
    try:
        targets = msgspec.json.decode(members.get("targets", b"[]"), type=list[dict[str, Raw]])
    except msgspec.DecodeError:
        return spec
    edited = False
    for index, target in enumerate(targets):
        config = target.get("config")
        if config is None:
            continue
        kind, name = (str(msgspec.json.decode(target.get(member, b'""'))) for member in ("kind", "name"))
        made = edit(config, kind, name, f"$.targets[{index}].config")
        if made is not config:
            target["config"], edited = made, True
    return _raw(members | {"targets": _raw(targets)}) if edited else spec


@lru_cache(maxsize=256)
def find_secrets(config: type[msgspec.Struct]) -> Secrets:
    """What is secret in a connector's config, at any depth of structs."""
    info = inspect.type_info(config)
    assert isinstance(info, inspect.StructType)
    found: dict[str, Secrets | None] = {}
    for field in info.fields:
        if _is_secret(field.type):
            found[field.encode_name] = None
        else:
            below = {name: secrets for struct in _structs(field.type) for name, secrets in find_secrets(struct).items()}
            if below:
                found[field.encode_name] = below
    return found


def _is_secret(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return bool((kind.extra or {}).get("secret")) or _is_secret(kind.type)
    return isinstance(kind, inspect.UnionType) and any(map(_is_secret, kind.types))


def _structs(kind: inspect.Type) -> list[type[msgspec.Struct]]:
    if isinstance(kind, inspect.Metadata):
        return _structs(kind.type)
    if isinstance(kind, inspect.UnionType):
        return [struct for member in kind.types for struct in _structs(member)]
    return [kind.cls] if isinstance(kind, inspect.StructType) else []


def _secrets(kinds: Kinds, kind: str) -> Secrets | None:
    target = kinds.find(kind)
    return find_secrets(target.Config) if target is not None else None


def _mask(value: Raw, secrets: Secrets | None) -> Raw:
    if secrets is None:
        plain = msgspec.json.decode(value)
        masked = _masked(plain)
        return _raw(masked) if masked != plain else value
    members = _members(value)
    return _replaced(value, members, {n: _mask(members[n], below) for n, below in secrets.items() if n in members})


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {name: _masked(member) for name, member in value.items()}
    return value if value in {None, ""} else MASK


def _unmask(value: Raw, stored: Raw | None, secrets: Secrets | None, path: str) -> Raw:
    if secrets is None:
        wanted = msgspec.json.decode(value)
        found = _unmasked(wanted, msgspec.json.decode(stored) if stored is not None else None, path)
        return _raw(found) if found != wanted else value
    members, kept = _members(value), _members(stored)
    made = {
        name: _unmask(members[name], kept.get(name), below, child(path, name))
        for name, below in secrets.items()
        if name in members
    }
    return _replaced(value, members, made)


def _unmasked(wanted: Any, stored: Any, path: str) -> Any:
    if isinstance(wanted, dict):
        kept = stored if isinstance(stored, dict) else {}
        return {name: _unmasked(member, kept.get(name), child(path, name)) for name, member in wanted.items()}
    if isinstance(wanted, list):
        known = [item for item in stored if _masked(item) == MASK] if isinstance(stored, list) else []
        if wanted.count(MASK) not in {0, len(known)}:
            raise InvalidConfig(
                f"{MASK} stands for a stored secret; {len(known)} are stored here: keep all of them, or write them out",
                path=path,
            )
        entries = iter(known)
        return [next(entries) if item == MASK else item for item in wanted]
    if wanted == MASK and (stored is None or isinstance(stored, list | dict)):
        raise InvalidConfig(f"{MASK} stands for a stored secret, and none is stored here; write it out", path=path)
    return stored if wanted == MASK else wanted


def _members(value: Raw | None) -> dict[str, Raw]:
    try:
        return msgspec.json.decode(value, type=dict[str, Raw]) if value is not None else {}
    except msgspec.DecodeError:
        return {}


def _replaced(value: Raw, members: dict[str, Raw], made: dict[str, Raw]) -> Raw:
    """The object with some of its members made anew; as it was written when none was."""
    return _raw(members | made) if any(made[name] is not members[name] for name in made) else value


def _raw(value: Any) -> Raw:
    return Raw(msgspec.json.encode(value))
