"""The progress bar of `bridge put`: how much of a file is read, how many events are put, how fast."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn


@contextmanager
def progress(size_bytes: int | None) -> Iterator[Callable[[int, int], None]]:
    """A function to call with the bytes that are done since the last call, and the events put so far."""
    bar = [BarColumn(), TaskProgressColumn(), TimeRemainingColumn()] if size_bytes else [SpinnerColumn()]
    text = TextColumn("{task.fields[count]:,} events, {task.fields[rate]:,.0f}/s")
    with Progress(*bar, text, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("put", total=size_bytes, count=0, rate=0.0)

        def advance(size: int, count: int) -> None:
            elapsed = shown.tasks[0].elapsed or 0.0
            shown.update(task, advance=size, count=count, rate=count / elapsed if elapsed else 0.0)

        yield advance
