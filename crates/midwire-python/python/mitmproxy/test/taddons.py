"""A surrounding in which addons can be tested without a proxy."""

import asyncio
from typing import Any, Callable, Optional

from mitmproxy import command, eventsequence, exceptions, flow, hooks, master, options
from mitmproxy.addons import script as _script


class context:
    """A master with options for the addons under test. Use it with ``with``."""

    def __init__(
        self,
        *addons: Any,
        options: Optional[options.Options] = None,
        loadcore: bool = True,
    ) -> None:
        self.options = options or _new_options()
        try:
            loop: Optional[asyncio.AbstractEventLoop] = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self.master = master.Master(self.options, event_loop=loop)
        self.wrapped: Optional[Any] = None
        for addon in addons:
            self.master.addons.add(addon)

    def __enter__(self) -> "context":
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        return None

    async def cycle(self, addon: Any, f: flow.Flow) -> None:
        """Run all hooks of a flow through an addon; stops when the flow is held."""
        for event in eventsequence.iterate(f):
            await self.master.addons.invoke_addon(addon, event)
            if f.intercepted:
                await f.wait_for_resume()

    def configure(self, addon: Any, **kwargs: Any) -> None:
        """Set options and call ``configure`` of an addon once. OptionsError: it refuses."""
        names = set(kwargs)
        with self.options.rollback(names, reraise=True):
            if kwargs:
                self.options.update(**kwargs)
            else:
                self.master.addons.invoke_addon_sync(addon, hooks.make("configure", set()))

    def script(self, path: str) -> Any:
        """Load a script file and add it; gives its module."""
        loader = _script.Script(path, False)
        module = loader.ns
        if module is None:
            raise exceptions.AddonManagerError(f"cannot load {path}")
        return module

    def command(self, func: Callable[..., Any], *args: str) -> Any:
        """Call a command function with words, which are read by its annotations."""
        return command.Command(self.master.commands, "test.command", func).call(list(args))


def _new_options() -> options.Options:
    return options.Options()
