"""`bridge completion`: what a shell needs to complete our words."""

import click
from click.shell_completion import get_completion_class

from bridge.cli.options import examples


@click.command(
    epilog=examples(
        "source <(bridge completion bash)", "bridge completion fish > ~/.config/fish/completions/bridge.fish"
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a shell."""
    from bridge.cli.main import main

    found = get_completion_class(shell)
    assert found is not None, "click knows these three"
    click.echo(found(main, {}, "bridge", "_BRIDGE_COMPLETE").source())
