"""The `bridge` command."""

import click

from bridge.version import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="bridge")
def main() -> None:
    """bridge: an event bus for CloudEvents."""
