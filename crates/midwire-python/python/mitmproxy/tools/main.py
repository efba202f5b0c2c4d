"""The entry points of the programs."""

from typing import Any, Optional, Sequence

from mitmproxy.tools import _missing


def mitmdump(args: Optional[Sequence[str]] = None) -> Any:
    """Not available: start ``midwire dump``."""
    _missing.refuse("mitmproxy.tools.main.mitmdump")


def mitmproxy(args: Optional[Sequence[str]] = None) -> Any:
    """Not available: start ``midwire tui``."""
    _missing.refuse("mitmproxy.tools.main.mitmproxy")


def mitmweb(args: Optional[Sequence[str]] = None) -> Any:
    """Not available: start ``midwire web``."""
    _missing.refuse("mitmproxy.tools.main.mitmweb")
