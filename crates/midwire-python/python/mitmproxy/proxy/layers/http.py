"""The HTTP layer and its modes."""

import enum
from typing import Any, Dict, Tuple

from mitmproxy.proxy import context as _context
from mitmproxy.proxy import layer


class HTTPMode(enum.Enum):
    """How the targets of requests are read."""

    regular = 1
    transparent = 2
    upstream = 3


class HttpLayer(layer.Layer):
    """HTTP/1, HTTP/2 or HTTP/3."""

    kind = "http"

    def __init__(self, context: _context.Context, mode: HTTPMode) -> None:
        super().__init__(context)
        self.mode = mode

    def _choice(self) -> Tuple[str, Dict[str, Any]]:
        return self.kind, {"mode": self.mode.name}
