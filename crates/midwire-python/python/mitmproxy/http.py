"""HTTP flows, requests, responses and header fields."""

import functools
import marshal
import warnings
from typing import Any, Dict, Optional

from mitmproxy import _mirror, connection, flow
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
    request: Request = flow.Part("request")  # type: ignore[assignment]
    response: Optional[Response] = flow.Part("response")  # type: ignore[assignment]
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

    @classmethod
    def _blank(cls, client: Any, server: Any) -> "HTTPFlow":
        # What the core says nothing about; the rest is made when it is looked at.
        made = cls.__new__(cls)
        made.__dict__.update(
            _dirty=set(),
            _seen={"error": None, "client_conn": client, "server_conn": server},
            _metadata={},
            id="",
            client_conn=client,
            server_conn=server,
            live=False,
        )
        return made

    @classmethod
    def _fresh(
        cls, number: str, live: bool, client: Any, server: Any, parts: Dict[str, Any]
    ) -> Optional["HTTPFlow"]:
        """A flow of the core of which nothing is known but packed messages; ``None``: there
        is more, so ``_build`` has to be used."""
        for key, value in parts.items():
            if key != "timestamp_created" and type(value) is not bytes:
                return None
        made = cls.__new__(cls)
        put = made.__dict__
        put["_dirty"] = set()
        put["_seen"] = {"error": None, "client_conn": client, "server_conn": server}
        put["_metadata"] = {}
        put["id"] = number
        put["client_conn"] = client
        put["server_conn"] = server
        put["live"] = live
        put["timestamp_created"] = parts.get("timestamp_created", 0.0)
        put["_packed_request"] = parts.get("request")
        put["_packed_response"] = parts.get("response")
        return made

    def _packed_changes(self) -> Optional[Dict[str, Any]]:
        """What scripts have changed if that is only in messages, which are settled then;
        ``None``: ``_changes`` has to be used. ValueError as there."""
        put = self.__dict__
        if (
            put["_dirty"]
            or put["client_conn"]._dirty
            or put["server_conn"]._dirty
            or put.get("error") is not None
            or put["_seen"].get("error") is not None
            or put.get("_metadata_seen") is not None
            or put.get("websocket") is not None
        ):
            return None
        request, response = put.get("request"), put.get("response")
        changes = {}
        if request is not None:
            inner = request.data.packed_changes()
            if inner is not None:
                changes["request"] = inner
        if response is not None:
            inner = response.data.packed_changes()
            if inner is not None:
                changes["response"] = inner
        if changes:
            for message in (request, response):
                if message is not None:
                    message.data.settle()
        return changes

    def _unpack_part(self, key: str, packed: bytes) -> Any:
        message = self._parts[key]._unpack(marshal.loads(packed))
        put = message.data.__dict__
        if type(put["_content"]) is int:
            part = 0 if key == "request" else 1
            put["_loader"] = functools.partial(_mirror.bridge().load_content, self.id, part)
            put["_content"] = None
        return message

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
