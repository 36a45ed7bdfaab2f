"""Read the settings, from lowest to highest: defaults, ``bridge.toml``, the environment (``BRIDGE_HTTP_LISTEN`` is
``http.listen``), flags.

What is not known here is refused, with its path and the place where it was found. Nothing is read after the start.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import msgspec

from bridge.errors import InvalidConfig, StartError
from bridge.model.units import UNITS
from bridge.settings.checks import CHECKS, check_doors, check_pairs
from bridge.settings.sections import FIELDS, PREFIX, SECTIONS, Settings, variable

FILE = Path("bridge.toml")
NOT_SETTINGS = {"BRIDGE_SERVER", "BRIDGE_CRASH_AT"}
"""Variables with our prefix that say something else: where the client finds its server, where a test ends the process."""
# Kubernetes sets these in every container beside a Service called `bridge`.
_SERVICE_LINK = re.compile(r"BRIDGE_(?:SERVICE_(?:HOST|PORT(?:_.*)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_.*)?)?)")
_SWITCH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class _Given(NamedTuple):
    value: object
    origin: str
    in_words: bool = True
    """Text that stands for a number or a switch; in TOML those have their own form."""


def load_settings(config: Path | None, environ: Mapping[str, str], flags: Mapping[str, str]) -> Settings:
    """Read everything once. ``flags`` maps ``http.listen`` to text; without ``config``, ./bridge.toml counts if it exists.

    Raises InvalidConfig (path ``$.http.listen``, reason with the place) for a value or name that is not right, and
    StartError for a file that cannot be read and for a listener open to others without ``server.open``.
    """
    given: dict[str, _Given] = {}
    given |= _from_file(config)
    given |= _from_environ(environ)
    given |= {_known(name, "flag"): _Given(value, "flag") for name, value in flags.items()}
    values = {name: _convert(name, entry) for name, entry in given.items()}
    sections: dict[str, Any] = {
        section: kind(**{n.partition(".")[2]: v for n, v in values.items() if n.startswith(f"{section}.")})
        for section, kind in SECTIONS.items()
    }
    settings = Settings(**sections, origins={name: entry.origin for name, entry in given.items()})
    check_doors(settings)
    check_pairs(settings.rocketmq)
    return settings


def _from_file(config: Path | None) -> dict[str, _Given]:
    path = config or FILE
    if config is None and not path.is_file():
        return {}
    try:
        tree = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise StartError(f"cannot read the settings in {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{path} is not valid TOML: {error}") from error
    return {_known(name, str(path)): _Given(value, str(path), in_words=False) for name, value in _flat(tree, str(path))}


def _flat(tree: Mapping[str, Any], origin: str) -> Iterator[tuple[str, object]]:
    for section, members in tree.items():
        if section not in SECTIONS:
            raise InvalidConfig(
                f"this section is not known ({origin}); known are {', '.join(SECTIONS)}", path=f"$.{section}"
            )
        if not isinstance(members, dict):
            raise InvalidConfig(f"must be a table: [{section}] ({origin})", path=f"$.{section}")
        yield from ((f"{section}.{name}", value) for name, value in members.items())


def _from_environ(environ: Mapping[str, str]) -> dict[str, _Given]:
    names = {variable(name): name for name in FIELDS}
    found = {}
    for key, value in environ.items():
        if key in names:
            found[names[key]] = _Given(value, key)
        elif key.startswith(PREFIX) and key not in NOT_SETTINGS and not _SERVICE_LINK.fullmatch(key):
            raise InvalidConfig(f"the environment variable {key} names no setting; `bridge settings` lists them")
    return found


def _known(name: str, origin: str) -> str:
    if name not in FIELDS:
        section = name.partition(".")[0]
        there = ", ".join(f.name for f in msgspec.structs.fields(SECTIONS[section])) if section in SECTIONS else ""
        raise InvalidConfig(
            f"this setting is not known ({origin}); [{section}] has {there or 'none'}", path=f"$.{name}"
        )
    return name


def _convert(name: str, given: _Given) -> object:
    kind, value = FIELDS[name].type, given.value
    if given.in_words and _is_switch(name):
        value = _SWITCH.get(str(value).lower(), value)
    try:
        converted = msgspec.convert(value, kind, strict=not given.in_words, dec_hook=_unit)
        if name in CHECKS:
            CHECKS[name](converted)
    except msgspec.ValidationError as error:
        raise InvalidConfig(f"{_reason(error, kind)} ({given.origin})", path=f"$.{name}") from error
    except InvalidConfig as error:
        raise InvalidConfig(f"{error.reason} ({given.origin})", path=f"$.{name}") from error
    return converted


def _is_switch(name: str) -> bool:
    return FIELDS[name].type.__origin__ is bool


def _reason(error: msgspec.ValidationError, kind: Any) -> str:
    choices = ", ".join(get_args(kind.__origin__))
    return f"{error}"[:1].lower() + f"{error}"[1:] + (f"; choose from {choices}" if choices else "")


def _unit(kind: type, value: object) -> Any:
    if kind not in UNITS:
        raise NotImplementedError(kind)
    return kind.parse(value)
