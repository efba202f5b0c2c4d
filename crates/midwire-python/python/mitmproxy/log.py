"""Logging: the levels of events, and the deprecated ``ctx.log``."""

import logging
import warnings
from typing import Any, Union

ALERT = logging.INFO + 1
"""The level of messages that the user should see, above INFO."""
logging.addLevelName(ALERT, "ALERT")

LogLevels = ["error", "warn", "info", "alert", "debug"]
LOGGING_LEVELS_TO_LOGENTRY = {
    logging.ERROR: "error",
    logging.WARNING: "warn",
    logging.INFO: "info",
    ALERT: "alert",
    logging.DEBUG: "debug",
}
_LEVELS = {name: level for level, name in LOGGING_LEVELS_TO_LOGENTRY.items()}
_TIERS = {"error": 0, "warn": 1, "info": 2, "alert": 2, "debug": 3}

_logger = logging.getLogger("mitmproxy.ctx.log")


def log_tier(level: Union[str, int]) -> int:
    """How deep a level is: 0 for errors to 3 for debug."""
    name = LOGGING_LEVELS_TO_LOGENTRY.get(level, "debug") if isinstance(level, int) else level
    return _TIERS[name]


class LogEntry:
    """The argument of the deprecated hook ``add_log``."""

    def __init__(self, msg: str, level: str) -> None:
        if level not in _TIERS:
            raise AssertionError(f"unknown level {level!r}")
        self.msg = str(msg)
        self.level = level

    def __eq__(self, other: object) -> bool:
        if isinstance(other, LogEntry):
            return self.__dict__ == other.__dict__
        return False

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"LogEntry({self.msg}, {self.level})"

    @classmethod
    def from_record(cls, record: logging.LogRecord) -> "LogEntry":
        """The entry for a record of the ``logging`` module."""
        for level in sorted(LOGGING_LEVELS_TO_LOGENTRY, reverse=True):
            if record.levelno >= level:
                return cls(record.getMessage(), LOGGING_LEVELS_TO_LOGENTRY[level])
        return cls(record.getMessage(), "debug")


class Log:
    """Deprecated ``ctx.log``: use the module ``logging``."""

    def __init__(self, master: Any = None) -> None:
        self.master = master

    def _log(self, level: int, message: Any) -> None:
        warnings.warn(
            "ctx.log is deprecated, use Python's logging module instead.",
            DeprecationWarning,
            stacklevel=3,
        )
        _logger.log(level, "%s", message, stacklevel=3)

    def debug(self, txt: Any) -> None:
        """Log at level debug."""
        self._log(logging.DEBUG, txt)

    def info(self, txt: Any) -> None:
        """Log at level info."""
        self._log(logging.INFO, txt)

    def alert(self, txt: Any) -> None:
        """Log at level alert."""
        self._log(ALERT, txt)

    def warn(self, txt: Any) -> None:
        """Log at level warn."""
        self._log(logging.WARNING, txt)

    def error(self, txt: Any) -> None:
        """Log at level error."""
        self._log(logging.ERROR, txt)

    def __call__(self, text: Any, level: str = "info") -> None:
        self._log(_LEVELS[level], text)


class MitmLogHandler(logging.Handler):
    """A handler that can be put on the root logger and taken off."""

    def install(self) -> None:
        """Receive all records from now on."""
        logging.getLogger().addHandler(self)

    def uninstall(self) -> None:
        """Receive nothing more."""
        logging.getLogger().removeHandler(self)
