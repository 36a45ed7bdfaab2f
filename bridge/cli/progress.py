"""Progress bars: of `bridge put` (how much of a file is read, how many events are put, how fast) and of redrives."""

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


@contextmanager
def counting(total: int) -> Iterator[Callable[[int], None]]:
    """A function to call with how many of the total are done."""
    text = TextColumn("{task.completed:,.0f} of {task.total:,.0f} dead letters")
    with Progress(BarColumn(), text, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("redrive", total=total)
        yield lambda done: shown.update(task, completed=done)
