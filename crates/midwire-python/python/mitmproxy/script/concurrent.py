"""Hooks that run in threads."""

import asyncio
import functools
import inspect
from typing import Any, Callable

from mitmproxy import hooks

_EXCLUDED = ("load", "configure")


def concurrent(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Run a hook in a thread, so that it may block; only its own flow waits for it.

    NotImplementedError: the function is not named like a hook that can wait."""
    name = getattr(fn, "__name__", "")
    if name not in hooks.all_hooks or name in _EXCLUDED:
        raise NotImplementedError(f"Concurrent decorator not supported for '{name}' method.")

    @functools.wraps(fn)
    async def run(*args: Any) -> Any:
        if inspect.iscoroutinefunction(fn):
            call: Callable[..., Any] = lambda *a: asyncio.run(fn(*a))  # noqa: E731
        else:
            call = fn
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, functools.partial(call, *args))

    return run
