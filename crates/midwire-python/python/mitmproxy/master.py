"""What scripts know as ``ctx.master``."""

import asyncio
from typing import Any, Optional

from mitmproxy import _mirror, addonmanager, command, ctx, log, options


class Master:
    """Addons, commands and options of this process, and a line to the core."""

    def __init__(
        self,
        opts: Optional[options.Options],
        event_loop: Optional[asyncio.AbstractEventLoop] = None,
        with_termlog: bool = False,
    ) -> None:
        self.options = opts or options.Options()
        self.commands = command.CommandManager(self)
        self.addons = addonmanager.AddonManager(self)
        self.log = log.Log(self)
        self.event_loop = event_loop or _running_loop()
        self._should_exit: Optional[asyncio.Event] = None
        ctx.master = self
        ctx.options = self.options
        ctx.log = self.log

    @property
    def should_exit(self) -> asyncio.Event:
        """Is set when the program ends."""
        # Python 3.9 ties an event to the loop that runs when it is made.
        if self._should_exit is None:
            self._should_exit = asyncio.Event()
        return self._should_exit

    async def load_flow(self, f: Any) -> None:
        """Send a flow through the hooks of all addons, as if it had been recorded."""
        _mirror.bridge().load_flow(f)

    def shutdown(self) -> None:
        """End the program; safe from any thread."""
        _mirror.bridge().shutdown()
        if self.event_loop is not None and not self.event_loop.is_closed():
            self.event_loop.call_soon_threadsafe(lambda: self.should_exit.set())

    async def run(self) -> None:
        """Not available: the program runs in another process."""
        from mitmproxy import exceptions

        raise exceptions.NotAvailable(
            "Master.run is not available: midwire cannot be embedded into a Python program. "
            "Start it with `midwire dump -s SCRIPT` and put the addons into the script."
        )


def _running_loop() -> Optional[asyncio.AbstractEventLoop]:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
