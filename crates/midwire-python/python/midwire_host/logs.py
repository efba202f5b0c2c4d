"""Log records of scripts on their way to the core."""

import contextvars
import logging
import os
import traceback
from typing import Any, List, Optional, Tuple

from mitmproxy import ctx, exceptions
from midwire_host import channel

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OWN: Tuple[str, ...] = (
    *(os.path.join(_ROOT, name, "") for name in ("mitmproxy", "midwire_host", "midwire")),
    "<frozen importlib",
)
"""What the names of files begin with that are no script's."""

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
                text += "\n" + describe(*record.exc_info)  # type: ignore[arg-type]
            elif record.stack_info:
                text += "\n" + record.stack_info
            shown = record.client  # type: ignore[attr-defined]
            if shown is not None and not isinstance(shown, str):
                shown = ":".join(map(str, shown[:2]))
            self._link.note(channel.LOG, (int(record.levelno), text, shown, echo.get()))
            self._wake()
        except Exception:
            self.handleError(record)


def describe(kind: Any, error: BaseException, tb: Any) -> str:
    """The traceback with only the frames of scripts and what they call: those of this package
    tell a script's author nothing."""
    whole = traceback.TracebackException(kind, error, tb)
    part: Optional[traceback.TracebackException] = whole
    seen = set()
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        theirs = [frame for frame in part.stack if not frame.filename.startswith(_OWN)]
        if not theirs and part is whole:
            theirs = _refused_handler(tb)
        if theirs or issubclass(kind, (SyntaxError, exceptions.AddonManagerError)):
            part.stack = traceback.StackSummary.from_list(theirs)
        part = part.__cause__ or part.__context__
    return "".join(whole.format()).rstrip()


def _refused_handler(tb: Any) -> List[traceback.FrameSummary]:
    """Where the function stands that cannot be called as it is: there is no frame of it."""
    while tb is not None:
        handler = tb.tb_frame.f_locals.get("handler")
        code = getattr(handler, "__code__", None)
        if code is not None and tb.tb_next is None:
            return [traceback.FrameSummary(code.co_filename, code.co_firstlineno, code.co_name)]
        tb = tb.tb_next
    return []


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
