"""What is shown, masked, and what is handed on to another process."""

from pathlib import Path

import msgspec

from bridge.settings.loading import load_settings
from bridge.settings.showing import as_flags, describe
from tests.unit.settings.given import load


def test_secrets_are_masked() -> None:
    """Passwords in URLs are not shown; user, host and database are."""
    settings = load(environ={"BRIDGE_CATALOG_URL": "postgresql://me:s3cret@db/bridge?password=s3cret&sslmode=require"})
    [shown] = [s.value for s in describe(settings) if s.name == "catalog.url"]
    assert shown == "postgresql://me:***@db/bridge?password=***&sslmode=require"
    assert settings.catalog.url.count("s3cret") == 2
    settings = load(catalog__url="mysql://me:p@ss/w:rd@db/bridge")
    assert [s.value for s in describe(settings) if s.name == "catalog.url"] == ["mysql://me:***@db/bridge"]


def test_what_is_shown_can_be_written_again() -> None:
    """The texts that `bridge settings` prints are the settings."""
    settings = load("[limits]\nrequest_size = '3000B'\n[stop]\ndrain = '0.5ms'\n[server]\nopen = true")
    flags = {s.name: s.value for s in describe(settings)}
    assert msgspec.structs.replace(load_settings(None, {}, flags), origins={}) == msgspec.structs.replace(
        settings, origins={}
    )


def test_another_process_runs_by_the_same() -> None:
    """What was set goes over as text, secrets included; what was not has the same default there."""
    settings = load(
        "[limits]\nrequest_size = '3000B'\n[server]\nworkers = 4",
        environ={"BRIDGE_CATALOG_URL": "postgresql://me:s3cret@db/bridge"},
    )
    given = as_flags(settings)
    assert given == {
        "limits.request_size": "3000B", "server.workers": "4", "catalog.url": "postgresql://me:s3cret@db/bridge",
    }  # fmt: skip
    there = load_settings(Path("/dev/null"), {}, given)
    assert msgspec.structs.replace(there, origins={}) == msgspec.structs.replace(settings, origins={})
