"""The scripting interface of midwire: everything of ``mitmproxy``, and what is new.

``midwire.http`` is ``mitmproxy.http``, and so on for all modules. New is ``observe``."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import Any, Callable, Optional, Sequence, TypeVar

import mitmproxy  # noqa: F401

F = TypeVar("F", bound=Callable[..., Any])


def observe(function: F) -> F:
    """Mark a hook that only reads.

    The flow does not wait for it, and what the hook changes is not sent anywhere. A hook that
    slows nothing down can be used for logging and statistics."""
    function.__midwire_observe__ = True  # type: ignore[attr-defined]
    return function


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``midwire.x`` in ``mitmproxy.x``."""

    def find_spec(
        self,
        fullname: str,
        path: Optional[Sequence[str]],
        target: Optional[ModuleType] = None,
    ) -> Optional[importlib.machinery.ModuleSpec]:
        """A specification for modules of this package only."""
        if not fullname.startswith(__name__ + "."):
            return None
        real = "mitmproxy" + fullname[len(__name__) :]
        if importlib.util.find_spec(real) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """The real module, loaded under its own name."""
        module = importlib.import_module("mitmproxy" + spec.name[len(__name__) :])
        # The import system writes the alias into the module; keep the true specification.
        self._kept = (module, module.__spec__)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: the module has been run."""
        if self._kept[0] is module:
            module.__spec__ = self._kept[1]


sys.meta_path.append(_Alias())


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    try:
        return importlib.import_module(f"mitmproxy.{name}")
    except ModuleNotFoundError:
        raise AttributeError(f"module 'midwire' has no attribute {name!r}") from None


__all__ = ["observe"]
