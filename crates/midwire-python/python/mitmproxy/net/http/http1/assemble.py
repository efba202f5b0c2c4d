"""Messages to bytes (RFC 9112)."""

from typing import Iterable, Iterator, Optional

from mitmproxy import http


def assemble_request_head(request: http.Request) -> bytes:
    """Request line and fields, with the blank line after them."""
    data = request.data
    form = request.first_line_format
    if form == "authority":
        target = data.authority
    elif form == "absolute":
        target = b"%s://%s%s" % (data.scheme, data.authority, data.path)
    else:
        target = data.path
    line = b" ".join((data.method, target, data.http_version))
    return b"%s\r\n%s\r\n" % (line, bytes(data.headers))


def assemble_response_head(response: http.Response) -> bytes:
    """Status line and fields, with the blank line after them."""
    data = response.data
    line = b"%s %d %s" % (data.http_version, data.status_code, data.reason)
    return b"%s\r\n%s\r\n" % (line, bytes(data.headers))


def assemble_request(request: http.Request) -> bytes:
    """The whole request. ValueError: its content is missing."""
    return assemble_request_head(request) + _body(request)


def assemble_response(response: http.Response) -> bytes:
    """The whole response. ValueError: its content is missing."""
    return assemble_response_head(response) + _body(response)


def _body(message: http.Message) -> bytes:
    if message.data.content is None:
        raise ValueError("Cannot assemble flow with missing content")
    return b"".join(assemble_body(message.headers, [message.data.content], message.trailers))


def assemble_body(
    headers: http.Headers,
    body_chunks: Iterable[bytes],
    trailers: Optional[http.Headers],
) -> Iterator[bytes]:
    """The content as it follows the head: in chunks if the fields say so.

    ValueError: there are trailers, but the content is not sent in chunks."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        for chunk in body_chunks:
            if chunk:
                yield b"%x\r\n%s\r\n" % (len(chunk), chunk)
        end = bytes(trailers) if trailers else b""
        yield b"0\r\n%s\r\n" % end
        return
    if trailers:
        raise ValueError("Sending HTTP/1.1 trailer headers requires transfer-encoding: chunked")
    for chunk in body_chunks:
        yield chunk
