"""The command line."""

from click.testing import CliRunner

from bridge import __version__
from bridge.cli.main import main


def test_version_is_the_package_version() -> None:
    """`bridge --version` prints one line."""
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"bridge, version {__version__}\n")
