"""The program that the script runs in; filled in by the host before scripts are loaded."""

from typing import TYPE_CHECKING, Any

from mitmproxy import log as _log

if TYPE_CHECKING:
    from mitmproxy import master as _master
    from mitmproxy import options as _options

    master: _master.Master
    """Commands, addons, shutdown."""
    options: _options.Options
    """All options; ``ctx.options.name`` reads and writes."""

log = _log.Log()
"""Deprecated: use the module ``logging``."""


def __getattr__(name: str) -> Any:
    if name in ("master", "options"):
        raise AttributeError(
            f"ctx.{name} is only available while an addon is running, from the hook load on."
        )
    raise AttributeError(f"module 'mitmproxy.ctx' has no attribute {name!r}")
