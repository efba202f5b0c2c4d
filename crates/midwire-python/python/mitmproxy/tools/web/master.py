"""The class that programs embed."""

from typing import Any

from mitmproxy.tools import _missing


class WebMaster:
    """Not available: start ``midwire web`` with a script."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        _missing.refuse("mitmproxy.tools.web.master.WebMaster")
