"""Addons: adding, removing, and calling their hooks."""

import contextlib
import inspect
import logging
import pprint
import traceback
import types
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Set, Tuple

from mitmproxy import command, exceptions, flow, hooks

logger = logging.getLogger(__name__)

_REMOVED = {
    "clientconnect": "client_connected",
    "clientdisconnect": "client_disconnected",
    "serverconnect": "server_connect and server_connected",
    "serverdisconnect": "server_disconnected",
}


def _get_name(itm: Any) -> str:
    return str(getattr(itm, "name", type(itm).__name__.lower()))


def cut_traceback(tb: Any, func_name: str) -> Any:
    """The traceback from the first call after that of ``func_name`` on."""
    for depth, frame in enumerate(traceback.extract_tb(tb)):
        if frame.name == func_name:
            rest = tb
            for _ in range(depth + 1):
                rest = rest.tb_next
            return rest or tb
    return tb


@contextlib.contextmanager
def safecall() -> Iterator[None]:
    """Log exceptions of addons; only AddonHalt and OptionsError get through."""
    try:
        yield
    except (exceptions.AddonHalt, exceptions.OptionsError):
        raise
    except Exception as error:
        report(error)


def report(error: Exception, *files: str) -> None:
    """Log an exception of an addon, with its traceback from the addon on: frames of this
    module and of ``files`` above it are left out."""
    own = (__file__, contextlib.__file__, *files)
    tb = rest = error.__traceback__
    while rest is not None and rest.tb_frame.f_code.co_filename in own:
        rest = rest.tb_next
    logger.error("Addon error: %s", error, exc_info=(type(error), error, rest or tb))


class Loader:
    """The argument of ``load``: what an addon can declare."""

    def __init__(self, master: Any) -> None:
        self.master = master

    def add_option(
        self,
        name: str,
        typespec: Any,
        default: Any,
        help: str,
        choices: Optional[Sequence[str]] = None,
    ) -> None:
        """Declare an option: ``bool``, ``int``, ``str``, ``Optional[int]``, ``Optional[str]``
        or ``Sequence[str]``. Values that were given on the command line are applied at once.

        TypeError: the default has the wrong type; NotImplementedError: no type of options."""
        from mitmproxy import optmanager
        from mitmproxy.utils import typecheck

        typecheck.typespec_to_str(typespec)
        options = self.master.options
        if name in options:
            wanted = optmanager._Option(name, typespec, default, help, choices)
            if options._options[name] == wanted:
                return
            logger.warning("Over-riding existing option %s", name)
        options.add_option(name, typespec, default, help, choices)
        options.process_deferred()

    def add_command(self, path: str, func: Callable[..., Any]) -> None:
        """Declare a command."""
        self.master.commands.add(path, func)


def traverse(chain: Iterable[Any]) -> Iterator[Any]:
    """All addons of a chain with those inside of them."""
    for addon in chain:
        yield addon
        inner = getattr(addon, "addons", None)
        # A module that was imported under this name is no list of addons.
        if inner is not None and not isinstance(inner, types.ModuleType):
            yield from traverse(inner)


LoadHook = hooks.all_hooks["load"]


class AddonManager:
    """The addons of a master, in the order in which they are called."""

    def __init__(self, master: Any) -> None:
        self.lookup: Dict[str, Any] = {}
        self.chain: List[Any] = []
        self.master = master
        master.options.changed.connect(self._configure_all)

    def _configure_all(self, updated: Set[str]) -> None:
        self.trigger(hooks.make("configure", updated))

    def clear(self) -> None:
        """Remove all addons."""
        for addon in list(self.chain):
            self.remove(addon)

    def get(self, name: str) -> Optional[Any]:
        """The addon of this name; ``None`` if there is none."""
        return self.lookup.get(name)

    def register(self, addon: Any) -> Any:
        """Call ``load``, and make the addon and its commands known; not in the chain yet.

        AddonManagerError: its name is taken."""
        for inner in traverse([addon]):
            name = _get_name(inner)
            if name in self.lookup:
                raise exceptions.AddonManagerError(f"An addon called '{name}' already exists.")
        loader = Loader(self.master)
        self.invoke_addon_sync(addon, hooks.make("load", loader))
        for inner in traverse([addon]):
            self.lookup[_get_name(inner)] = inner
            self.master.commands.collect_commands(inner)
            _warn_of_old_names(inner)
        self.master.options.process_deferred()
        return addon

    def add(self, *addons: Any) -> None:
        """Add addons to the end of the chain."""
        for addon in addons:
            self.chain.append(self.register(addon))

    def remove(self, addon: Any) -> None:
        """Remove an addon with those inside of it; its ``done`` is called.

        AddonManagerError: it is not here."""
        for inner in traverse([addon]):
            name = _get_name(inner)
            if name not in self.lookup:
                raise exceptions.AddonManagerError(f"No such addon: {name}")
            self.chain = [other for other in self.chain if other is not inner]
            del self.lookup[name]
        self.invoke_addon_sync(addon, hooks.make("done"))

    def __len__(self) -> int:
        return len(self.chain)

    def __str__(self) -> str:
        return pprint.pformat([str(addon) for addon in self.chain])

    def __contains__(self, item: Any) -> bool:
        return _get_name(item) in self.lookup

    def interest(self) -> Set[str]:
        """The names of the hooks that at least one addon has."""
        found: Set[str] = set()
        for addon in traverse(self.chain):
            for name in hooks.all_hooks:
                if name not in found and _is_handler(getattr(addon, name, None)):
                    found.add(name)
        return found

    def observed(self) -> Set[str]:
        """The names of those hooks whose handlers are all marked by ``midwire.observe``."""
        observed: Set[str] = set()
        acting: Set[str] = set()
        for addon in traverse(self.chain):
            for name in hooks.all_hooks:
                handler = getattr(addon, name, None)
                if _is_handler(handler):
                    marked = getattr(handler, "__midwire_observe__", False)
                    (observed if marked else acting).add(name)
        return observed - acting

    async def handle_lifecycle(self, event: hooks.Hook) -> None:
        """Call a hook, then ``update`` if its argument is a flow."""
        await self.trigger_event(event)
        subject = event.args()[0] if event.args() else None
        if isinstance(subject, flow.Flow):
            await self.trigger_event(hooks.make("update", [subject]))

    def _handlers(self, addon: Any, event: hooks.Hook) -> Iterator[Tuple[Any, Callable[..., Any]]]:
        for inner in traverse([addon]):
            handler = getattr(inner, event.name, None)
            if handler is None or isinstance(handler, types.ModuleType):
                continue
            if not callable(handler):
                raise exceptions.AddonManagerError(
                    f"Addon handler {event.name} ({inner}) not callable"
                )
            yield inner, handler

    async def invoke_addon(self, addon: Any, event: hooks.Hook) -> None:
        """Call a hook of an addon and of those inside of it."""
        for _, handler in self._handlers(addon, event):
            result = handler(*event.args())
            if result is not None and inspect.isawaitable(result):
                await result

    def invoke_addon_sync(self, addon: Any, event: hooks.Hook) -> None:
        """The same from code that cannot wait. AddonManagerError: a handler is async."""
        for inner, handler in self._handlers(addon, event):
            if inspect.iscoroutinefunction(handler):
                raise exceptions.AddonManagerError(
                    f"Async handler {event.name} ({inner}) cannot be called from sync context"
                )
            handler(*event.args())

    async def trigger_event(self, event: hooks.Hook) -> None:
        """Call a hook of all addons."""
        for addon in list(self.chain):
            try:
                with safecall():
                    await self.invoke_addon(addon, event)
            except exceptions.AddonHalt:
                return

    def trigger(self, event: hooks.Hook) -> None:
        """Call a hook of all addons from code that cannot wait."""
        for addon in list(self.chain):
            try:
                with safecall():
                    self.invoke_addon_sync(addon, event)
            except exceptions.AddonHalt:
                return


def _is_handler(value: Any) -> bool:
    return value is not None and not isinstance(value, types.ModuleType)


def _warn_of_old_names(addon: Any) -> None:
    for old, new in _REMOVED.items():
        if hasattr(addon, old):
            logger.warning("The %s event has been removed, use %s instead.", old, new)
    if hasattr(addon, "add_log"):
        logger.warning(
            "The add_log event has been deprecated, use Python's builtin logging module instead."
        )


__all__ = ["AddonManager", "Loader", "command", "cut_traceback", "safecall", "traverse"]
