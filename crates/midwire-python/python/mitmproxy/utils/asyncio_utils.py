"""Tasks that are not lost."""

import asyncio
from typing import Any, Coroutine, Optional, Set, Tuple

_kept: Set["asyncio.Task[Any]"] = set()


def create_task(
    coro: Coroutine[Any, Any, Any],
    *,
    name: str,
    keep_ref: bool,
    client: Optional[Tuple[Any, ...]] = None,
) -> "asyncio.Task[Any]":
    """Start a task with a name; with ``keep_ref`` it is held until it is done."""
    task = asyncio.create_task(coro)
    task.set_name(name)
    task.client = client  # type: ignore[attr-defined]
    if keep_ref:
        _kept.add(task)
        task.add_done_callback(_kept.discard)
    return task
