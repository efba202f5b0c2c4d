"""Heads of messages from bytes (RFC 9112)."""

import re
import time
from typing import List, Optional, Sequence, Tuple

from mitmproxy import http
from mitmproxy.net.http import url

_VERSION = re.compile(rb"HTTP/\d\.\d\Z")


def read_request_head(lines: Sequence[bytes]) -> http.Request:
    """A request without content from its lines. ValueError: malformed."""
    parts = lines[0].split() if lines else []
    if len(parts) != 3:
        raise ValueError(f"Bad HTTP request line: {bytes(lines[0]) if lines else b''!r}")
    method, target, version = parts
    _check_version(version)
    host, port, scheme, authority, path = _target(method, target)
    return http.Request(
        host,
        port,
        method,
        scheme,
        authority,
        path,
        version,
        _read_headers(lines[1:]),
        None,
        None,
        time.time(),
        None,
    )


def _target(method: bytes, target: bytes) -> Tuple[str, int, bytes, bytes, bytes]:
    if target == b"*" or target.startswith(b"/"):
        return "", 0, b"", b"", target
    if method == b"CONNECT":
        host, port = url.parse_authority(target, check=True)
        if not port:
            raise ValueError(f"Bad HTTP request line: missing port in {target!r}")
        return host, port, b"", target, b""
    scheme, separator, rest = target.partition(b"://")
    if not separator:
        raise ValueError(f"Bad HTTP request line: bad target {target!r}")
    authority, slash, path = rest.partition(b"/")
    host, found = url.parse_authority(authority, check=True)
    number = found or url.default_port(scheme)
    if not number:
        raise ValueError(f"Bad HTTP request line: missing port in {target!r}")
    return host, number, scheme, authority, slash + path or b"/"


def read_response_head(lines: Sequence[bytes]) -> http.Response:
    """A response without content from its lines. ValueError: malformed."""
    first = lines[0] if lines else b""
    parts = first.split(None, 2)
    if len(parts) == 2:
        parts.append(b"")
    if len(parts) != 3 or not parts[1].isdigit():
        raise ValueError(f"Bad HTTP response line: {bytes(first)!r}")
    _check_version(parts[0])
    return http.Response(
        parts[0],
        int(parts[1]),
        parts[2],
        _read_headers(lines[1:]),
        None,
        None,
        time.time(),
        None,
    )


def _check_version(version: bytes) -> None:
    if not _VERSION.match(version):
        raise ValueError(f"Unknown HTTP version: {version!r}")


def _read_headers(lines: Sequence[bytes]) -> http.Headers:
    fields: List[Tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if not fields:
                raise ValueError("Invalid headers")
            # RFC 9112 section 5.2: a folded line may be joined with a blank.
            name, value = fields[-1]
            fields[-1] = (name, value + b" " + line.strip())
            continue
        name, colon, value = line.partition(b":")
        if not colon or not name:
            raise ValueError(f"Invalid header line: {bytes(line)!r}")
        fields.append((name, value.strip()))
    return http.Headers(fields)


def _tokens(headers: http.Headers, name: str) -> List[str]:
    return [token.strip().lower() for token in headers.get(name, "").split(",") if token.strip()]


def connection_close(http_version: bytes, headers: http.Headers) -> bool:
    """Does the connection end after this message?"""
    tokens = _tokens(headers, "connection")
    if "close" in tokens:
        return True
    if "keep-alive" in tokens:
        return False
    return http_version not in (b"HTTP/1.1", "HTTP/1.1", b"HTTP/2.0", "HTTP/2.0")


def expected_http_body_size(
    request: http.Request, response: Optional[http.Response] = None
) -> Optional[int]:
    """How many bytes of content follow the head (RFC 9112 section 6.3).

    ``None``: it is sent in chunks; -1: until the connection ends. ValueError: the fields
    contradict each other."""
    if response is not None:
        code = response.status_code
        if request.method == "HEAD" or 100 <= code < 200 or code in (204, 304):
            return 0
        if request.method == "CONNECT" and 200 <= code < 300:
            return 0
    message: http.Message = request if response is None else response
    headers = message.headers
    if "transfer-encoding" in headers:
        if "content-length" in headers:
            raise ValueError(
                "Received both a Transfer-Encoding and a Content-Length header, "
                "refusing as recommended in RFC 7230 Section 3.3.3."
            )
        if _tokens(headers, "transfer-encoding")[-1:] == ["chunked"]:
            return None
        if response is None:
            raise ValueError("transfer-encoding of a request does not end with chunked")
        return -1
    lengths = set(_tokens(headers, "content-length"))
    if lengths:
        text = lengths.pop()
        if lengths or not text.isdigit() or not text.isascii():
            raise ValueError(f"invalid content-length: {headers['content-length']!r}")
        return int(text)
    return 0 if response is None else -1
