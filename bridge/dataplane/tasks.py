"""Tasks of the data plane: started from anywhere, owned by one group, so that they all end with it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Starts a task whose owner is elsewhere."""


def try_spawn(spawn: Spawn, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None] | None":
    """None while everything ends: for work that nobody misses then, and callers who must not stop half-way."""
    try:
        return spawn(work)
    except asyncio.CancelledError:
        return None


class Tasks:
    """The tasks of one group. Its owner sets ``ending`` before they are cancelled: then an error is no reason to begin
    again. (Asking the task itself does not do: in Python 3.11 a group that fails leaves its parent marked as cancelled.)
    """

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self.ending = False

    def spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Start a task. While the group is ending, whoever wants one is cancelled instead, as it will be anyway."""
        try:
            return self._group.create_task(work)
        except RuntimeError:
            work.close()
            raise asyncio.CancelledError from None
