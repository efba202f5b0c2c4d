"""The layers a script can choose in ``next_layer``."""

from typing import Any, Dict, Optional, Tuple

from mitmproxy.proxy import context as _context
from mitmproxy.proxy import layer
from mitmproxy.proxy.layers import http, modes


class _Choice(layer.Layer):
    """A layer without arguments of its own."""

    def __init__(self, context: _context.Context, *args: Any, **kwargs: Any) -> None:
        super().__init__(context)


class _Stream(layer.Layer):
    """TCP or UDP as it is."""

    def __init__(self, context: _context.Context, ignore: bool = False) -> None:
        super().__init__(context)
        self.ignore = ignore
        self.flow: Optional[Any] = None

    def _choice(self) -> Tuple[str, Dict[str, Any]]:
        return self.kind, {"ignore": self.ignore}


class TCPLayer(_Stream):
    """Pass bytes on; with ``ignore`` without hooks."""

    kind = "tcp"


class UDPLayer(_Stream):
    """Pass datagrams on; with ``ignore`` without hooks."""

    kind = "udp"


class DNSLayer(_Choice):
    """DNS over UDP or TCP."""

    kind = "dns"


class ClientTLSLayer(_Choice):
    """TLS with the client."""

    kind = "client_tls"


class ServerTLSLayer(_Choice):
    """TLS with the server."""

    kind = "server_tls"


class ClientQuicLayer(_Choice):
    """QUIC with the client."""

    kind = "client_quic"


class ServerQuicLayer(_Choice):
    """QUIC with the server."""

    kind = "server_quic"


class RawQuicLayer(_Choice):
    """QUIC streams as they are."""

    kind = "raw_quic"


class QuicStreamLayer(_Choice):
    """One QUIC stream."""

    kind = "quic_stream"


class WebsocketLayer(_Choice):
    """WebSocket after an upgrade; chosen by the core only."""


HttpLayer = http.HttpLayer

__all__ = [
    "ClientQuicLayer",
    "ClientTLSLayer",
    "DNSLayer",
    "HttpLayer",
    "QuicStreamLayer",
    "RawQuicLayer",
    "ServerQuicLayer",
    "ServerTLSLayer",
    "TCPLayer",
    "UDPLayer",
    "WebsocketLayer",
    "http",
    "modes",
]
