"""Which connectors are found, and which mistakes stop the start."""

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import pytest

from bridge.connectors.base import Features, Reach, load_config
from bridge.connectors.registry import Registry
from bridge.errors import InvalidConfig, StartError

GOOD = '''"""Sends to a {kind}, and
so on.

Guarantee: At least
once.

Retried: everything.
"""

from bridge.connectors.base import Config, Target


class Good(Target):
    kind = "{kind}"
    Config = Config

    async def send(self, deliveries):
        pass
'''
MISSING = '"""Sends to Kafka.\n\nGuarantee: At most once.\n"""\nimport no_such_driver.client\n'


class Folder:
    """A package of connectors that a test fills."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **modules: str) -> ModuleType:
        for name, text in modules.items():
            (self.path / f"{name}.py").write_text(text)
        package = ModuleType("connectors_of_a_test")
        package.__path__ = [str(self.path)]
        sys.modules[package.__name__] = package
        return package


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    before = set(sys.modules)
    yield Folder(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith("connectors_of_a_test"):
            del sys.modules[name]


def plugin(value: str, kind: str = "radio") -> EntryPoint:
    return EntryPoint(kind, value, "bridge.connectors")


def test_our_own_are_found_by_module_name() -> None:
    """Four of them, all available."""
    registry = Registry.discover()
    assert set(registry.kinds()) >= {"bus", "file", "http", "log"}
    found = registry.find("file")
    assert found is not None
    assert (found.kind, found.__module__) == ("file", "bridge.connectors.targets.file")
    assert registry.find("pigeon") is None
    assert all(d.available and d.schema for d in registry.describe())


def test_what_this_bridge_does_not_allow_is_refused() -> None:
    """By the reach that its settings come to; most kinds do not mind."""
    configs = {"http": b'{"url":"http://127.0.0.1/"}', "bus": b'{"bus":"other"}'}
    for reach, fine in ((Reach.LOOPBACK, True), (Reach.NONE, False)):
        registry = Registry.discover(plugins=[], reach=reach)
        for kind, text in configs.items():
            target = registry.find(kind)
            assert target is not None
            config = load_config(target, text)
            if fine or kind == "bus":
                registry.check(target, config)
            else:
                with pytest.raises(InvalidConfig):
                    registry.check(target, config)


def test_a_description_comes_from_the_docstring(folder: Folder) -> None:
    """Its first paragraph, and those that begin with Guarantee and Retried."""
    registry = Registry.discover(folder.write(lamp=GOOD.format(kind="lamp"), _helper="1/0"), [])
    (lamp,) = registry.describe()
    assert (lamp.kind, lamp.summary, lamp.guarantee, lamp.retried) == (
        "lamp",
        "Sends to a lamp, and so on.",
        "At least once.",
        "everything.",
    )
    assert (lamp.features, lamp.available, lamp.install) == (Features(), True, "")


def test_a_missing_driver_makes_a_connector_unavailable(folder: Folder) -> None:
    """It is described without being imported, with what to install."""
    registry = Registry.discover(folder.write(kafka=MISSING, lamp=GOOD.format(kind="lamp")), [])
    assert (registry.kinds(), registry.find("kafka")) == (["lamp"], None)
    kafka, _ = registry.describe()
    assert (kafka.available, kafka.install, kafka.schema) == (False, "bridge[kafka]", None)
    assert (kafka.summary, kafka.guarantee) == ("Sends to Kafka.", "At most once.")


def test_installed_packages_offer_theirs_by_entry_point(folder: Folder) -> None:
    """Beside our own."""
    package = folder.write(radio=GOOD.format(kind="radio"))
    empty = ModuleType("empty")
    empty.__path__ = []
    registry = Registry.discover(empty, [plugin(f"{package.__name__}.radio:Good")])
    found = registry.find("radio")
    assert found is not None
    assert found.__name__ == "Good"
    assert registry.describe()[0].guarantee == "At least once."


def test_an_entry_point_without_its_driver_is_unavailable() -> None:
    """Named by its package."""
    registry = Registry.discover(plugins=[plugin("no_such_package.radio:Radio")])
    radio = next(d for d in registry.describe() if d.kind == "radio")
    assert (radio.available, radio.install) == (False, "no_such_package.radio[radio]")


def test_two_of_one_kind_stop_the_start(folder: Folder) -> None:
    """Both are named."""
    folder.write(http=GOOD.format(kind="http"))
    with pytest.raises(StartError, match=r"'http': bridge\.connectors\.targets\.http and .*connectors_of_a_test"):
        Registry.discover(plugins=[plugin("connectors_of_a_test.http:Good", "http")])


TWICE = GOOD.format(kind="bad") + "\n\nclass Another(Good):\n    pass\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"""Nothing."""', "declares 0 targets"),
        (TWICE, "declares 2 targets"),
        (GOOD.format(kind="other"), "says kind 'other'"),
        (GOOD.format(kind="bad").replace("    Config = Config\n", ""), "has no Config"),
        (GOOD.format(kind="bad").replace("def send", "def push"), "does not implement send"),
    ],
)
def test_a_module_that_does_not_keep_the_form_stops_the_start(folder: Folder, text: str, reason: str) -> None:
    """One target, of the kind that is the module's name, complete."""
    with pytest.raises(StartError, match=reason):
        Registry.discover(folder.write(bad=text), [])


def test_our_own_mistakes_are_not_taken_for_missing_drivers(folder: Folder) -> None:
    """An import error within bridge is a bug."""
    with pytest.raises(ImportError, match="nothing"):
        Registry.discover(folder.write(bad="from bridge.connectors.base import nothing"), [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [("json:loads", "no subclass"), ("json:nothing", "does not exist"), ("bridge.connectors.base:Target", "send")],
)
def test_an_entry_point_that_is_no_connector_stops_the_start(value: str, reason: str) -> None:
    """With its package and what it is."""
    with pytest.raises(StartError, match=reason):
        Registry.discover(plugins=[plugin(value)])
