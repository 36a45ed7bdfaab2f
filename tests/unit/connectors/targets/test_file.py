"""The file target: lines, rotation, shared paths, what a crash or a full disk leaves."""

import asyncio
import errno
import json
import os
import stat
from pathlib import Path

import pytest

from bridge.connectors.base import Target
from bridge.connectors.linefile import LineFile
from bridge.connectors.targets.file import FileTarget, format_lines, format_payload
from bridge.errors import InvalidConfig, PartlyFailed, Rejected, Retryable
from bridge.model.delivery import Delivery, Payload
from bridge.testing.connectors import make_delivery, make_event, make_target


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "events.jsonl"


async def opened(path: Path, **config: object) -> Target:
    target = make_target(FileTarget, path=str(path), **config)
    await target.open()
    return target


def text(target: Target, *texts: str) -> list[Delivery]:
    return [make_delivery(target, payload=Payload(t.encode(), "text/plain")) for t in texts]


@pytest.mark.parametrize(
    ("config", "where"),
    [
        ({}, "$"),
        ({"path": ""}, "$.path"),
        ({"path": "out/${id}.jsonl"}, "$.path"),
        ({"path": "out/"}, "$.path"),
        ({"path": "a\0b"}, "$.path"),
        ({"path": "a", "rotate": {"keep": 0}}, "$.rotate.keep"),
        ({"path": "a", "rotate": {"size": "0B"}}, "$.rotate.size"),
        ({"path": "a", "rotate": {"size": 5}}, "$.rotate.size"),
        ({"path": "a", "fsync": "yes"}, "$.fsync"),
    ],
)
def test_what_is_wrong_in_a_config_is_named_by_its_path(config: dict[str, object], where: str) -> None:
    """When the rule is made."""
    with pytest.raises(InvalidConfig) as caught:
        make_target(FileTarget, **config)
    assert caught.value.path == where


async def test_events_are_lines_of_json_and_payloads_lines_of_their_own(path: Path) -> None:
    """In one batch; folders are made."""
    target = await opened(path)
    batch = [
        make_delivery(target, make_event("1", b'{\n "a": 1}')),
        make_delivery(target, payload=Payload(b'{"a":\n[1.0e400]}', "application/json")),
        *text(target, "plain text"),
    ]
    await target.send(batch)
    await target.close()
    first, *others = path.read_bytes().split(b"\n")
    assert json.loads(first)["data"] == {"a": 1}
    assert others == [b'{"a":[1.0e400]}', b"plain text", b""]


@pytest.mark.parametrize(
    ("body", "media_type", "line"),
    [
        (b"a\nb\r\n", "text/plain", b'"a\\nb\\r\\n"'),
        ("grün".encode(), "text/plain", "grün".encode()),
        (b"[1,\r2]", "application/x+json", b"[1,2]"),
        (b"[1, 2]", "application/json", b"[1, 2]"),
        (b"", "text/plain", b""),
    ],
)
def test_every_payload_is_one_line(body: bytes, media_type: str, line: bytes) -> None:
    """A text with line breaks becomes a JSON string, JSON loses them, anything else stays as it is."""
    assert format_payload(Payload(body, media_type)) == line


async def test_what_cannot_be_a_line_is_rejected_and_the_others_are_written(path: Path) -> None:
    """Binary payloads, and broken JSON with line breaks."""
    target = await opened(path)
    bad = make_delivery(target, payload=Payload(b"\xff\xfe", "application/octet-stream"))
    worse = make_delivery(target, payload=Payload(b"[1\n", "application/json"))
    with pytest.raises(PartlyFailed) as caught:
        await target.send([*text(target, "a"), bad, worse, *text(target, "b")])
    assert {i: type(f) for i, f in caught.value.failures.items()} == {1: Rejected, 2: Rejected}
    with pytest.raises(Rejected, match="cannot be a line"):
        await target.send([bad])
    assert path.read_text() == "a\nb\n"
    await target.close()


async def test_a_line_that_a_crash_left_half_written_is_ended(path: Path) -> None:
    """So that the next one is not glued to it."""
    path.parent.mkdir()
    path.write_text('{"id":"1"}\n{"id":"2')
    target = await opened(path)
    await target.send(text(target, "next"))
    await target.close()
    assert path.read_text() == '{"id":"1"}\n{"id":"2\nnext\n'


async def test_a_full_file_is_put_aside(path: Path) -> None:
    """PATH.1 is the youngest of those kept; no batch is torn apart."""
    target = await opened(path, rotate={"size": "10B", "keep": 2})
    for word in ("aaaa", "bbbb", "cccc", "dddd", "a very long line", "eeee", "ffff"):
        await target.send(text(target, word))
    await target.close()
    files = {p.name: p.read_text() for p in path.parent.iterdir()}
    assert files == {
        "events.jsonl": "eeee\nffff\n",
        "events.jsonl.1": "a very long line\n",
        "events.jsonl.2": "cccc\ndddd\n",
    }


async def test_a_file_that_is_full_already_is_put_aside_first(path: Path) -> None:
    """Its size counts from before the start."""
    path.parent.mkdir()
    path.write_text("0123456789\n")
    target = await opened(path, rotate={"size": "10B"})
    await target.send(text(target, "new"))
    await target.close()
    assert (path.read_text(), path.with_name("events.jsonl.1").read_text()) == ("new\n", "0123456789\n")


async def test_targets_on_one_path_share_it_whole_lines_and_all(path: Path, tmp_path: Path) -> None:
    """Also under another spelling and while it is put aside again and again; nothing is lost, nothing torn."""
    (tmp_path / "link").symlink_to(tmp_path / "out")
    first = await opened(path, rotate={"size": "1KiB", "keep": 1000})
    second = await opened(tmp_path / "link" / "events.jsonl", rotate={"size": "2KiB", "keep": 1000})
    assert len(LineFile.open_files) == 1
    words = [f"{n}-{'x' * (n % 50)}" for n in range(600)]
    await asyncio.gather(*((first if n % 2 else second).send(text(first, *words[n : n + 3])) for n in range(0, 600, 3)))
    await first.close()
    await second.close()
    lines = [line for p in path.parent.iterdir() for line in p.read_text().splitlines()]
    assert sorted(lines) == sorted(words)
    assert not LineFile.open_files


async def test_a_file_that_was_moved_away_or_deleted_is_made_anew(path: Path) -> None:
    """As tools that rotate logs do; its folder too."""
    target = await opened(path)
    await target.send(text(target, "a"))
    path.rename(path.with_name("moved"))
    await target.send(text(target, "b"))
    assert (path.read_text(), path.with_name("moved").read_text()) == ("b\n", "a\n")
    path.unlink()
    path.with_name("moved").unlink()
    path.parent.rmdir()
    await target.send(text(target, "c"))
    assert path.read_text() == "c\n"
    await target.close()


async def test_a_batch_that_fails_halfway_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk takes a part of a write; the part is cut off, and the same batch goes in whole later."""
    target = await opened(path)
    await target.send(text(target, "before"))
    write, calls = os.write, 0

    def full(descriptor: int, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls == 1:
            return write(descriptor, data[:4])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(Retryable, match="No space left"):
            await target.send(text(target, "one", "two"))
    assert path.read_text() == "before\n"
    await target.send(text(target, "one", "two"))
    assert path.read_text() == "before\none\ntwo\n"
    await target.close()


async def test_fsync_syncs_each_batch_and_the_name_of_a_new_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing is synced."""
    synced: list[str] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        synced.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    lazy = await opened(path)
    await lazy.send(text(lazy, "a"))
    assert synced == []
    eager = await opened(path, fsync=True)
    for word in ("b", "c"):
        await eager.send(text(eager, word))
    assert synced == ["file", "folder", "file"]
    await lazy.close()
    await eager.close()


@pytest.mark.parametrize("kind", ["folder", "pipe", "under a file"])
async def test_what_is_no_file_cannot_be_opened(path: Path, kind: str) -> None:
    """It may become one later."""
    if kind == "folder":
        path.mkdir(parents=True)
    elif kind == "pipe":
        path.parent.mkdir()
        os.mkfifo(path)
    else:
        path.parent.write_text("")
    target = make_target(FileTarget, path=str(path))
    with pytest.raises(Retryable, match="cannot open the file"):
        await target.open()
    await target.close()
    assert not LineFile.open_files


def test_lines_are_joined_without_a_copy_of_each() -> None:
    """One buffer, and the indices of what is not in it."""
    target = make_target(FileTarget, path="x")
    lines, failures = format_lines(text(target, *"abc"))
    assert (bytes(lines), failures) == (b"a\nb\nc\n", {})
