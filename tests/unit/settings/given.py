"""Settings of a file in the current folder, an environment and flags."""

from pathlib import Path

from bridge.settings.loading import load_settings
from bridge.settings.sections import Settings


def load(toml: str = "", environ: dict[str, str] | None = None, **flags: str) -> Settings:
    Path("bridge.toml").write_text(toml, "utf-8")
    return load_settings(None, environ or {}, {name.replace("__", "."): value for name, value in flags.items()})
