"""Tell the settings: to people, with secrets masked, and to another process that is to run by the same."""

import re
from typing import NamedTuple

import msgspec

from bridge.model.units import Duration, Size
from bridge.settings.sections import FIELDS, Settings, meta, variable

_PASSWORD = re.compile(r"(://[^/@:]*:).*(?=@)|((?:password|passwd|secret|token)=)[^&]+", re.IGNORECASE)


class Setting(NamedTuple):
    """One setting as people see it."""

    name: str
    value: str
    """As it would be written in bridge.toml, secrets masked."""
    origin: str
    """``default``, the file, the variable, or ``flag``."""
    description: str
    variable: str


def describe(settings: Settings) -> list[Setting]:
    """Every setting with its value in force and where that came from."""
    return [
        Setting(
            name,
            _mask(field, _text(getattr(getattr(settings, section), field.name))),
            settings.origins.get(name, "default"),
            meta(field).description or "",
            variable(name),
        )
        for name, field in FIELDS.items()
        for section in [name.partition(".")[0]]
    ]


def as_flags(settings: Settings) -> dict[str, str]:
    """What was set, as ``load_settings`` takes it, secrets included: for another process that is to run by the same."""
    return {
        name: _text(getattr(getattr(settings, section), FIELDS[name].name))
        for name in settings.origins
        for section in [name.partition(".")[0]]
    }


def _mask(field: msgspec.structs.FieldInfo, text: str) -> str:
    if (meta(field).extra or {}).get("secret") and text:
        return "***"
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}***", text)


def _text(value: object) -> str:
    """A value as its author would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (Duration, Size)):
        return str(value)
    whole = [unit for unit, factor in value.units.items() if value >= factor and value % factor == 0]
    unit = max(whole, key=value.units.__getitem__) if whole else min(value.units, key=value.units.__getitem__)
    return f"{value / value.units[unit]:.15g}{unit}"
