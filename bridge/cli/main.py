"""The `bridge` command: which commands there are, where each one lives, and how errors end it."""

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

import click

from bridge.version import VERSION


class Entry(NamedTuple):
    """A command in the table: ``place`` is ``module:attribute`` below bridge.cli; ``help`` stands in `bridge --help`."""

    place: str
    help: str


TASKS: dict[str, dict[str, Entry]] = {
    "Run": {
        "serve": Entry("serve:serve", "start a bus on this machine"),
        "settings": Entry("serve:settings", "show the settings in force and where each came from"),
        "copy": Entry("copy:copy", "copy buses from one store to another"),
    },
    "Define": {
        "apply": Entry("apply:apply", "create or change what files define"),
        "get": Entry("get:get", "show buses or rules"),
        "edit": Entry("edit:edit", "change one in your editor"),
        "delete": Entry("get:delete", "delete one"),
        "connectors": Entry("connectors:connectors", "kinds of targets and their settings"),
    },
    "Events": {
        "put": Entry("put:put", "put events to a bus"),
        "tail": Entry("tail:tail", "follow a bus"),
        "delayed": Entry("delayed:delayed", "events that wait for their time"),
        "deadletters": Entry("deadletters:deadletters", "events that a target did not take"),
        "pause": Entry("pauses:pause", "stop deliveries to a target; its events are kept"),
        "resume": Entry("pauses:resume", "let a paused or blocked target go on"),
    },
    "Look and try": {
        "status": Entry("status:status", "buses, rates, lag of each target, last errors"),
        "explain": Entry("explain:explain", "which rules match an event, which nearly, and why"),
        "pattern": Entry("trial:pattern", "try a pattern on an event"),
        "transform": Entry("trial:transform", "try a transform on an event"),
    },
    "Shell": {
        "completion": Entry("completion:completion", "print the completion script for bash, zsh or fish"),
    },
}


class Tasks(click.Group):
    """A group that finds its commands by the table and lists them by task."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for entries in TASKS.values() for name in entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for entries in TASKS.values():
            if cmd_name in entries:
                module, _, attribute = entries[cmd_name].place.partition(":")
                command: click.Command = getattr(import_module(f"bridge.cli.{module}"), attribute)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for task, entries in TASKS.items():
            with formatter.section(task):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()], col_max=14)

    def invoke(self, ctx: click.Context) -> Any:
        from bridge.errors import BridgeError

        try:
            return super().invoke(ctx)
        except BridgeError as error:
            raise Failed(str(error)) from error


class Failed(click.ClickException):
    """Ends the command with exit code 1 and a red `error:` line on stderr."""

    def show(self, file: Any = None) -> None:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {self.message}", err=True)


@click.group(cls=Tasks, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="bridge")
@click.option(
    "--server", metavar="ADDRESS", help="The bridge to talk to [env: BRIDGE_SERVER; default: 127.0.0.1:8080]."
)
@click.pass_context
def main(ctx: click.Context, server: str | None) -> None:
    """An event bus for CloudEvents: events in, rules that filter and transform, targets out."""
    del server  # read where it is needed, bridge.cli.options
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def commands(group: click.Group, ctx: click.Context, path: str = "bridge") -> Iterator[tuple[str, click.Command]]:
    """Every command below a group with its words: docs and tests walk them."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if isinstance(command, click.Group):
            yield from commands(command, ctx, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command
