"""Web applications that answer requests in place of a server."""

import asyncio
import logging
import traceback
import urllib.parse
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

from mitmproxy import ctx, http

logger = logging.getLogger(__name__)

_VERSIONS = {"HTTP/1.0": "1.0", "HTTP/1.1": "1.1", "HTTP/2.0": "2", "HTTP/3": "3"}


class ASGIApp:
    """An addon that answers the requests to one host with an ASGI application.

    ``host`` compares with ``request.pretty_host``; the port ``None`` means all ports."""

    def __init__(self, asgi_app: Any, host: str, port: Optional[int]) -> None:
        self.asgi_app = asgi_app
        self.host = host
        self.port = port

    @property
    def name(self) -> str:
        """The name of the addon."""
        return f"asgiapp:{self.host}:{self.port}"

    def should_serve(self, flow: http.HTTPFlow) -> bool:
        """Is this request for the application?"""
        return bool(
            flow.request.pretty_host == self.host
            and (self.port is None or flow.request.port == self.port)
            and flow.live
            and not flow.error
            and not flow.response
        )

    async def request(self, flow: http.HTTPFlow) -> None:
        """Answer the request."""
        if self.should_serve(flow):
            await serve(self.asgi_app, flow)


class WSGIApp(ASGIApp):
    """An addon that answers the requests to one host with a WSGI application."""

    def __init__(self, wsgi_app: Any, host: str, port: Optional[int]) -> None:
        self.wsgi_app = wsgi_app
        super().__init__(_wsgi_to_asgi(wsgi_app), host, port)


def make_scope(flow: http.HTTPFlow) -> Dict[str, Any]:
    """The scope of the connection that ASGI applications get."""
    path, _, query = flow.request.data.path.partition(b"?")
    client = flow.client_conn.peername or ("", 0)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": _VERSIONS.get(flow.request.http_version, "1.1"),
        "method": flow.request.method,
        "scheme": flow.request.scheme,
        "path": urllib.parse.unquote(path.decode("latin-1")),
        "raw_path": path,
        "query_string": query,
        "headers": [(name.lower(), value) for name, value in flow.request.headers.fields],
        "client": tuple(client[:2]),
        "server": (flow.request.host, flow.request.port),
        "extensions": {"mitmproxy.master": getattr(ctx, "master", None)},
    }


async def serve(app: Callable[..., Awaitable[None]], flow: http.HTTPFlow) -> None:
    """Set the response of a flow to what an application answers."""
    sent_request = False
    finished = asyncio.Event()
    head: Dict[str, Any] = {}
    body: List[bytes] = []

    async def receive() -> Dict[str, Any]:
        nonlocal sent_request
        if not sent_request:
            sent_request = True
            content = flow.request.raw_content or b""
            return {"type": "http.request", "body": content, "more_body": False}
        await finished.wait()
        return {"type": "http.disconnect"}

    async def send(event: Dict[str, Any]) -> None:
        if event["type"] == "http.response.start":
            head.update(event)
        elif event["type"] == "http.response.body":
            if not head:
                raise AssertionError("http.response.body was sent before http.response.start")
            body.append(event.get("body", b""))
            if not event.get("more_body", False):
                _respond(flow, head, b"".join(body))
                finished.set()
        else:
            raise AssertionError(f"unexpected ASGI event {event['type']!r}")

    try:
        await app(make_scope(flow), receive, send)
        if not finished.is_set():
            raise RuntimeError("no response sent.")
    except Exception as error:
        logger.error("Error in asgi app:\n%s", "".join(_lines(error)), exc_info=error)
        flow.response = http.Response.make(500, b"ASGI Error.")
    finally:
        finished.set()


def _lines(error: BaseException) -> List[str]:
    return traceback.format_exception_only(type(error), error)


def _respond(flow: http.HTTPFlow, head: Dict[str, Any], content: bytes) -> None:
    fields = tuple((bytes(name), bytes(value)) for name, value in head.get("headers", ()))
    response = http.Response.make(head["status"], b"", http.Headers(fields))
    # The application has encoded the content already.
    response.raw_content = content
    response.headers["content-length"] = str(len(content))
    flow.response = response


def _wsgi_to_asgi(app: Any) -> Callable[..., Awaitable[None]]:
    async def asgi(scope: Dict[str, Any], receive: Any, send: Any) -> None:
        request = await receive()
        loop = asyncio.get_running_loop()
        # WSGI applications may block.
        status, fields, content = await loop.run_in_executor(
            None, _call_wsgi, app, scope, request["body"]
        )
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": content})

    return asgi


def _call_wsgi(
    app: Any, scope: Dict[str, Any], content: bytes
) -> Tuple[int, List[Tuple[bytes, bytes]], bytes]:
    import io
    import sys

    started: List[Any] = []
    written: List[bytes] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        if exc_info and started:
            raise exc_info[1].with_traceback(exc_info[2])
        started[:] = [status, headers]
        return written.append

    result = app(_environ(scope, io.BytesIO(content), sys.stderr), start_response)
    try:
        written.extend(result)
    finally:
        close = getattr(result, "close", None)
        if close:
            close()
    if not started:
        raise RuntimeError("the WSGI application did not call start_response")
    status, headers = started
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return int(status.split(None, 1)[0]), fields, b"".join(written)


def _environ(scope: Dict[str, Any], body: Any, errors: Any) -> Dict[str, Any]:
    host, port = scope["server"]
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "REMOTE_PORT": str(scope["client"][1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"] or "http",
        "wsgi.input": body,
        "wsgi.errors": errors,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
            if key in environ:
                text = f"{environ[key]},{text}"
        environ[key] = text
    environ["CONTENT_LENGTH"] = str(body.getbuffer().nbytes)
    return environ
