"""Messages for tests, always the same unless told otherwise."""

from typing import Any

from mitmproxy import dns, http


def treq(**kwargs: Any) -> http.Request:
    """``GET http://address:22/path`` with a content of 7 bytes."""
    values = dict(
        host="address",
        port=22,
        method=b"GET",
        scheme=b"http",
        authority=b"",
        path=b"/path",
        http_version=b"HTTP/1.1",
        headers=http.Headers(((b"header", b"qvalue"), (b"content-length", b"7"))),
        content=b"content",
        trailers=None,
        timestamp_start=946681200,
        timestamp_end=946681201,
    )
    values.update(kwargs)
    return http.Request(**values)  # type: ignore[arg-type]


def tresp(**kwargs: Any) -> http.Response:
    """``200 OK`` with a content of 7 bytes."""
    values = dict(
        http_version=b"HTTP/1.1",
        status_code=200,
        reason=b"OK",
        headers=http.Headers(((b"header-response", b"svalue"), (b"content-length", b"7"))),
        content=b"message",
        trailers=None,
        timestamp_start=946681202,
        timestamp_end=946681203,
    )
    values.update(kwargs)
    return http.Response(**values)  # type: ignore[arg-type]


def tdnsreq(**kwargs: Any) -> dns.DNSMessage:
    """A query for the IPv4 address of ``dns.google``."""
    values = dict(
        id=42,
        query=True,
        op_code=0,
        authoritative_answer=False,
        truncation=False,
        recursion_desired=True,
        recursion_available=False,
        reserved=0,
        response_code=0,
        questions=[dns.Question("dns.google", 1, 1)],
        answers=[],
        authorities=[],
        additionals=[],
        timestamp=946681200,
    )
    values.update(kwargs)
    return dns.DNSMessage(**values)  # type: ignore[arg-type]


def tdnsresp(**kwargs: Any) -> dns.DNSMessage:
    """The response to ``tdnsreq`` with two addresses."""
    values = dict(
        query=False,
        recursion_available=True,
        answers=[
            dns.ResourceRecord("dns.google", 1, 1, 32, b"\x08\x08\x08\x08"),
            dns.ResourceRecord("dns.google", 1, 1, 32, b"\x08\x08\x04\x04"),
        ],
        timestamp=946681201,
    )
    values.update(kwargs)
    return tdnsreq(**values)
