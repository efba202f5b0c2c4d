"""HTTP flows, requests, responses and header fields."""

import warnings
from typing import Any, Optional

from mitmproxy import connection, flow
from mitmproxy._http.headers import Headers
from mitmproxy._http.message import Message
from mitmproxy._http.request import Request
from mitmproxy._http.response import Response
from mitmproxy._http.tracking import MessageData, RequestData, ResponseData
from mitmproxy.websocket import WebSocketData

__all__ = [
    "HTTPFlow",
    "Headers",
    "Message",
    "MessageData",
    "Request",
    "RequestData",
    "Response",
    "ResponseData",
]


class HTTPFlow(flow.Flow):
    """A request with the response to it, and the WebSocket messages that follow, if any."""

    type = "http"
    request: Request
    response: Optional[Response] = None
    error: Optional[flow.Error] = None
    """Set if no response could be delivered; a flow may have a response and an error."""
    websocket: Optional[WebSocketData] = None
    _parts = {
        "request": Request,
        "response": Response,
        "websocket": WebSocketData,
    }

    def __init__(
        self,
        client_conn: connection.Client,
        server_conn: connection.Server,
        live: bool = False,
    ) -> None:
        super().__init__(client_conn, server_conn, live)
        self.__dict__.update(request=None, response=None, websocket=None)
        self._seen.update(request=None, response=None, websocket=None)

    def __repr__(self) -> str:
        lines = ["<HTTPFlow"]
        for name in ("request", "response", "websocket", "error", "client_conn", "server_conn"):
            value = getattr(self, name, None)
            if value:
                lines.append(f"  {name} = {value}")
        return "\r\n".join(lines) + ">"

    @property
    def timestamp_start(self) -> float:
        """When the request began, in Unix seconds."""
        return self.request.timestamp_start

    @property
    def mode(self) -> str:
        """Deprecated: use ``flow.client_conn.proxy_mode``."""
        warnings.warn("HTTPFlow.mode is deprecated.", DeprecationWarning, stacklevel=2)
        return getattr(self, "_mode", "regular")

    @mode.setter
    def mode(self, value: str) -> None:
        warnings.warn("HTTPFlow.mode is deprecated.", DeprecationWarning, stacklevel=2)
        self._mode = value


for _class in (Headers, Message, MessageData, Request, RequestData, Response, ResponseData):
    _class.__module__ = __name__


def __getattr__(name: str) -> Any:
    renamed = {"HTTPRequest": "Request", "HTTPResponse": "Response"}.get(name)
    if renamed is not None:
        raise AttributeError(f"http.{name} was removed in mitmproxy 7: use http.{renamed}.")
    raise AttributeError(f"module 'mitmproxy.http' has no attribute {name!r}")
