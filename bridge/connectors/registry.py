"""Which kinds of target there are: the modules of ``targets/`` and the entry points of installed packages.

A connector whose driver is not installed is no crash: it is listed as unavailable, with what to install. Two connectors
of one kind, or one that does not keep the form, stop the start.
"""

import ast
import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, NamedTuple, Self

import structlog

from bridge.connectors import targets
from bridge.connectors.base import Config, Description, Features, Reach, Target
from bridge.connectors.schema import config_schema
from bridge.errors import StartError

log = structlog.get_logger()

GROUP = "bridge.connectors"


class Found(NamedTuple):
    """A connector: where it comes from, and its class, or what to install to get it."""

    kind: str
    origin: str
    doc: str
    target: type[Target] | None
    install: str = ""


class Registry:
    """Implements ``base.Kinds``."""

    def __init__(self, found: Iterable[Found], reach: Reach = Reach.LOOPBACK) -> None:
        """Raises StartError when two are of one kind."""
        self._reach = reach
        self._found: dict[str, Found] = {}
        for one in found:
            other = self._found.setdefault(one.kind, one)
            if other is not one:
                raise StartError(f"two connectors are of kind {one.kind!r}: {other.origin} and {one.origin}")

    @classmethod
    def discover(
        cls,
        package: ModuleType = targets,
        plugins: Iterable[EntryPoint] | None = None,
        reach: Reach = Reach.LOOPBACK,
    ) -> Self:
        """Import every module of ``package`` and every entry point. Raises StartError."""
        if plugins is None:
            plugins = importlib.metadata.entry_points(group=GROUP)
        modules = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")]
        found = [*(_from_module(package.__name__, name) for name in sorted(modules)), *map(_from_plugin, plugins)]
        return cls(found, reach)

    def find(self, kind: str) -> type[Target] | None:
        """The class of a kind; None when there is none or when it is not available."""
        found = self._found.get(kind)
        return found.target if found is not None else None

    def kinds(self) -> list[str]:
        """The kinds that are available, in alphabetical order."""
        return sorted(kind for kind, found in self._found.items() if found.target is not None)

    def describe(self) -> list[Description]:
        """Every kind, also those that are not available."""
        return [_describe(found) for _, found in sorted(self._found.items())]

    def check(self, target: type[Target], config: Config) -> None:
        """Refuse a config that is right in itself, but not allowed in this bridge. Raises InvalidConfig."""
        target.check_reach(config, self._reach)


def _from_module(package: str, kind: str) -> Found:
    """A module of ours: it declares one target, of the kind that is its name."""
    name = f"{package}.{kind}"
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if error.name is None or error.name.split(".")[0] == "bridge":
            raise  # our own mistake, not a missing driver
        log.info("a connector is not available", kind=kind, missing=error.name)
        return Found(kind, name, _doc_unimported(name), None, f"bridge[{kind}]")
    declared = [
        c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, Target) and c.__module__ == name
    ]
    if len(declared) != 1:
        raise StartError(f"{name} declares {len(declared)} targets instead of one")
    return Found(kind, name, module.__doc__ or "", _checked(declared[0], kind, name))


def _from_plugin(plugin: EntryPoint) -> Found:
    package = plugin.dist.name if plugin.dist is not None else plugin.module
    origin = f"{package} ({plugin.value})"
    try:
        target = plugin.load()
    except ImportError as error:
        log.info("a connector is not available", kind=plugin.name, package=package, missing=error.name)
        return Found(plugin.name, origin, "", None, f"{package}[{plugin.name}]")
    except AttributeError as error:
        raise StartError(f"the connector {plugin.name!r} of {origin} does not exist: {error}") from error
    target = _checked(target, plugin.name, origin)
    return Found(plugin.name, origin, sys.modules[target.__module__].__doc__ or "", target)


def _checked(target: Any, kind: str, origin: str) -> type[Target]:
    """Refuse what does not keep the form of base.py."""
    if not (inspect.isclass(target) and issubclass(target, Target)):
        raise StartError(f"{origin} is no subclass of bridge.connectors.base.Target")
    if inspect.isabstract(target):
        raise StartError(f"{origin} does not implement send()")
    if getattr(target, "kind", None) != kind:
        raise StartError(f"{origin} says kind {getattr(target, 'kind', None)!r}, but is found as {kind!r}")
    config = getattr(target, "Config", None)
    if not (inspect.isclass(config) and issubclass(config, Config)):
        raise StartError(f"{origin} has no Config")
    return target


def _doc_unimported(name: str) -> str:
    """The docstring of a module that cannot be imported."""
    spec = importlib.util.find_spec(name)
    source = getattr(spec.loader, "get_source", lambda _: None)(name) if spec else None
    return ast.get_docstring(ast.parse(source or "")) or ""


def _describe(found: Found) -> Description:
    paragraphs = [" ".join(p.split()) for p in inspect.cleandoc(found.doc).split("\n\n")]
    features: Features | None = found.target.features if found.target is not None else None
    return Description(
        kind=found.kind,
        summary=paragraphs[0],
        guarantee=_paragraph(paragraphs, "Guarantee:"),
        retried=_paragraph(paragraphs, "Retried:"),
        features=features,
        schema=config_schema(found.target.Config) if found.target is not None else None,
        available=found.target is not None,
        install=found.install,
    )


def _paragraph(paragraphs: list[str], heading: str) -> str:
    return next((p.removeprefix(heading).strip() for p in paragraphs if p.startswith(heading)), "")
