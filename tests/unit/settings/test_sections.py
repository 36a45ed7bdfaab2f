"""Every setting is documented, and what is documented is so."""

import re
import tomllib
from pathlib import Path

from bridge.cli.serve import FLAGS
from bridge.settings.sections import FIELDS, Settings
from bridge.settings.showing import describe
from tests.unit.settings.given import load

DOCS = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


def test_every_setting_is_documented() -> None:
    """docs/settings.md has a row for each, with its default, flag and meaning."""
    rows = {}
    for line in DOCS.read_text("utf-8").splitlines():
        if line.startswith("| `"):
            name, default, flag, meaning = (cell.strip() for cell in line.strip("|").split("|"))
            rows[name.strip("`")] = (default.strip("`"), flag.strip("`"), meaning)
    flags = {setting: "--" + name.replace("_", "-") for name, (setting, *_) in FLAGS.items()} | {
        "server.open": "--open"
    }
    wanted = {s.name: (s.value, flags.get(s.name, ""), s.description) for s in describe(Settings())}
    assert rows == wanted


def test_the_documented_file_is_valid() -> None:
    """The example of docs/settings.md loads."""
    [toml] = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    assert tomllib.loads(toml)
    assert load(toml).http.listen == "127.0.0.1:9090"


def test_every_flag_sets_a_setting() -> None:
    """The table of flags names settings that exist."""
    assert {setting for setting, *_ in FLAGS.values()} <= set(FIELDS)
