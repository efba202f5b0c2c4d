"""Log records of scripts on their way to the core."""

import contextvars
import logging
import traceback
from typing import Any, Optional

from mitmproxy import ctx
from midwire_host import channel

client: "contextvars.ContextVar[Optional[str]]" = contextvars.ContextVar("client", default=None)
"""Address of the client for whom a hook runs."""


echo: "contextvars.ContextVar[bool]" = contextvars.ContextVar("echo", default=False)
"""The hook ``add_log`` is running: what it logs is not shown to it again."""


class Handler(logging.Handler):
    """Sends records to the core."""

    def __init__(self, link: channel.Channel, wake: Any) -> None:
        super().__init__()
        self._link = link
        self._wake = wake

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.INFO and not _wants_debug():
            return
        try:
            record.client = getattr(record, "client", None) or client.get()  # type: ignore[attr-defined]
            text = record.getMessage()
            if record.exc_info and record.exc_info[0] is not None:
                text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip()
            elif record.stack_info:
                text += "\n" + record.stack_info
            shown = record.client  # type: ignore[attr-defined]
            if shown is not None and not isinstance(shown, str):
                shown = ":".join(map(str, shown[:2]))
            self._link.note(channel.LOG, (int(record.levelno), text, shown, echo.get()))
            self._wake()
        except Exception:
            self.handleError(record)


def _wants_debug() -> bool:
    options = getattr(ctx, "options", None)
    for name in ("termlog_verbosity", "console_eventlog_verbosity"):
        if options is not None and name in options and getattr(options, name) == "debug":
            return True
    return False


def install(link: channel.Channel, wake: Any) -> None:
    """Make the core the receiver of all records."""
    root = logging.getLogger()
    root.addHandler(Handler(link, wake))
    root.setLevel(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
