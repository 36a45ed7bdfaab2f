"""Starting a bus, and the settings it would start with."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option

if TYPE_CHECKING:
    from bridge.settings.sections import Settings

F = TypeVar("F", bound=Callable[..., Any])

FLAGS = {
    "store": ("store.url", "URL", "Where the logs live: lmdb:DIRECTORY, rocketmq://HOST:9876 or memory:."),
    "http": ("http.listen", "ADDRESS", "Address of the HTTP listener."),
    "grpc": ("grpc.listen", "ADDRESS", "Address of the gRPC listener."),
    "workers": ("server.workers", "N", "Processes that share the work behind one address."),
    "log_level": ("log.level", "LEVEL", "debug, info, warning or error."),
    "log_format": ("log.format", "FORMAT", "auto, text or json."),
}
"""A flag's parameter: the setting it sets, its metavar and its help."""


def setting_flags(command: F) -> F:
    """The flags that override settings, and ``--config``."""
    for name, (setting, metavar, text) in reversed(FLAGS.items()):
        flag = "--" + name.replace("_", "-")
        command = click.option(flag, name, metavar=metavar, help=f"{text} [{setting}]")(command)
    opened = click.option(
        "--open", "open_", is_flag=True, help="Let other machines in without credentials. [server.open]"
    )
    config = click.option(
        "--config", type=click.Path(path_type=Path), help="Settings file [default: ./bridge.toml if it exists]."
    )
    return config(opened(command))


def _load(config: Path | None, open_: bool, flags: dict[str, str | None]) -> "Settings":
    from bridge.settings.loading import load_settings

    given = {FLAGS[name][0]: value for name, value in flags.items() if value is not None}
    return load_settings(config, os.environ, given | ({"server.open": "true"} if open_ else {}))


@click.command(
    epilog=examples("bridge serve", "bridge serve --store lmdb:/var/lib/bridge --http 127.0.0.1:9090 --log-level debug")
)
@setting_flags
def serve(config: Path | None, open_: bool, **flags: str | None) -> None:
    """Start a bus: HTTP on 127.0.0.1:8080, gRPC on 127.0.0.1:50051, data in ./data.

    Ctrl-C finishes what is under way and stops; a second Ctrl-C stops at once. Nothing acknowledged is lost by either.
    """
    settings = _load(config, open_, flags)
    from bridge.app.serving import serve as run

    sys.exit(run(settings))


@click.command(
    epilog=examples("bridge settings", "BRIDGE_LOG_LEVEL=debug bridge settings --http 127.0.0.1:9090 -o json")
)
@setting_flags
@output_option("table", "json", "yaml")
def settings(config: Path | None, open_: bool, form: str, **flags: str | None) -> None:
    """Show every setting that `bridge serve` would use here, and where its value comes from.

    From lowest to highest: default, bridge.toml, environment, flag. Secrets are masked.
    """
    from bridge.settings.showing import describe

    found = describe(_load(config, open_, flags))
    if form == "table":
        output.table(("SETTING", "VALUE", "FROM"), [(s.name, s.value or "-", s.origin) for s in found])
    else:
        output.show({s.name: {"value": s.value, "from": s.origin} for s in found}, form)
