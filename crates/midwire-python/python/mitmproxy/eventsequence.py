"""The hooks that a finished flow would have gone through."""

from typing import Any, Iterator

from mitmproxy import dns, flow, hooks, http, tcp, udp


def _http(f: http.HTTPFlow) -> Iterator[hooks.Hook]:
    if f.request:
        yield hooks.make("requestheaders", f)
        yield hooks.make("request", f)
    if f.response:
        yield hooks.make("responseheaders", f)
        yield hooks.make("response", f)
    if f.websocket:
        yield from _websocket(f)
    elif f.error:
        yield hooks.make("error", f)


def _websocket(f: http.HTTPFlow) -> Iterator[hooks.Hook]:
    ws: Any = f.websocket
    messages = ws.messages
    ws.messages = []
    yield hooks.make("websocket_start", f)
    # Each message is the newest one while its hook runs.
    for message in messages:
        ws.messages.append(message)
        yield hooks.make("websocket_message", f)
    yield hooks.make("websocket_end", f)


def _stream(f: Any, kind: str) -> Iterator[hooks.Hook]:
    messages = f.messages
    f.messages = []
    yield hooks.make(f"{kind}_start", f)
    for message in messages:
        f.messages.append(message)
        yield hooks.make(f"{kind}_message", f)
    yield hooks.make(f"{kind}_error" if f.error else f"{kind}_end", f)


def _dns(f: dns.DNSFlow) -> Iterator[hooks.Hook]:
    if f.request:
        yield hooks.make("dns_request", f)
    if f.response:
        yield hooks.make("dns_response", f)
    if f.error:
        yield hooks.make("dns_error", f)


def iterate(f: flow.Flow) -> Iterator[hooks.Hook]:
    """All hooks in order. TypeError: a flow of unknown type."""
    if isinstance(f, http.HTTPFlow):
        yield from _http(f)
    elif isinstance(f, tcp.TCPFlow):
        yield from _stream(f, "tcp")
    elif isinstance(f, udp.UDPFlow):
        yield from _stream(f, "udp")
    elif isinstance(f, dns.DNSFlow):
        yield from _dns(f)
    else:
        raise TypeError(f"Unknown flow type: {type(f)}")
