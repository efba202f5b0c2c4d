"""Signals: lists of receivers, which do not keep bound methods alive."""

import inspect
import weakref
from typing import Any, Callable, List


def _weak(receiver: Callable[..., Any]) -> Any:
    if hasattr(receiver, "__self__"):
        return weakref.WeakMethod(receiver)  # type: ignore[arg-type]
    return weakref.ref(receiver)


class _Signal:
    """The common part: who listens. Function arguments are checked against ``spec``."""

    def __init__(self, spec: Callable[..., Any]) -> None:
        self._signature = inspect.signature(spec)
        self._receivers: List[Any] = []

    def connect(self, receiver: Callable[..., Any]) -> None:
        """Call ``receiver`` from now on, for as long as somebody else holds it."""
        self._receivers.append(_weak(receiver))

    def disconnect(self, receiver: Callable[..., Any]) -> None:
        """Do not call ``receiver`` any more."""
        self._receivers = [r for r in self._receivers if r() not in (None, receiver)]

    def notify(self, *args: Any, **kwargs: Any) -> List[Any]:
        """Call all receivers and give their results."""
        self._signature.bind(*args, **kwargs)
        results = []
        for reference in list(self._receivers):
            receiver = reference()
            if receiver is None:
                self._receivers.remove(reference)
            else:
                results.append(receiver(*args, **kwargs))
        return results


class SyncSignal(_Signal):
    """A signal whose receivers are plain functions."""

    def connect(self, receiver: Callable[..., Any]) -> None:
        """Call ``receiver`` from now on."""
        if inspect.iscoroutinefunction(receiver):
            raise TypeError("a coroutine function cannot receive a synchronous signal")
        super().connect(receiver)

    def send(self, *args: Any, **kwargs: Any) -> None:
        """Call all receivers."""
        self.notify(*args, **kwargs)


class AsyncSignal(_Signal):
    """A signal whose receivers may be coroutine functions."""

    async def send(self, *args: Any, **kwargs: Any) -> None:
        """Call all receivers and wait for those that are asynchronous."""
        for result in self.notify(*args, **kwargs):
            if inspect.isawaitable(result):
                await result
