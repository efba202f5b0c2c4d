"""Addons that scripts may import. The built-in ones are part of the core."""

from typing import Any, List


def default_addons() -> List[Any]:
    """The built-in addons are not Python objects here, so the list is empty."""
    return []


_BUILT_IN = {
    "anticache",
    "anticomp",
    "block",
    "blocklist",
    "clientplayback",
    "core",
    "cut",
    "dumper",
    "eventstore",
    "export",
    "intercept",
    "maplocal",
    "mapremote",
    "modifybody",
    "modifyheaders",
    "next_layer",
    "onboarding",
    "proxyauth",
    "proxyserver",
    "readfile",
    "save",
    "savehar",
    "serverplayback",
    "stickyauth",
    "stickycookie",
    "tlsconfig",
    "upstream_auth",
    "view",
}


def __getattr__(name: str) -> Any:
    if name in _BUILT_IN:
        raise ImportError(
            f"mitmproxy.addons.{name} is not available to scripts: the built-in addons are part "
            "of midwire. Use their options, and their commands by ctx.master.commands.call."
        )
    raise AttributeError(f"module 'mitmproxy.addons' has no attribute {name!r}")
