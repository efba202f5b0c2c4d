"""What TLS hooks get."""

import struct
from typing import Any, List, Optional, Tuple

from mitmproxy import connection
from mitmproxy.net import check
from mitmproxy.proxy import context as _context

_SNI = 0
_ALPN = 16


class _Reader:
    """Takes vectors (RFC 8446 section 3.4) from bytes. ValueError: too short."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, count: int) -> bytes:
        if count > len(self.data):
            raise ValueError("ClientHello is cut off")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))


class ClientHello:
    """A ClientHello (RFC 8446 section 4.1.2), given without record and handshake header."""

    def __init__(self, raw_client_hello: bytes, dtls: bool = False) -> None:
        self._raw = raw_client_hello
        self._dtls = dtls
        reader = _Reader(raw_client_hello)
        reader.take(2 + 32)
        reader.vector(1)
        if dtls:
            reader.vector(1)
        ciphers = reader.vector(2)
        self._ciphers = [number for (number,) in struct.iter_unpack("!H", ciphers)]
        reader.vector(1)
        self._extensions: List[Tuple[int, bytes]] = []
        if reader.data:
            inner = _Reader(reader.vector(2))
            while inner.data:
                self._extensions.append((inner.number(2), inner.vector(2)))

    def __repr__(self) -> str:
        return f"ClientHello(sni: {self.sni}, alpn_protocols: {self.alpn_protocols})"

    def raw_bytes(self, wrap_in_record: bool = True) -> bytes:
        """The bytes of the ClientHello, as a record of its own if ``wrap_in_record``."""
        if not wrap_in_record:
            return self._raw
        size = len(self._raw)
        if self._dtls:
            length = size.to_bytes(3, "big")
            handshake = b"\x01" + length + b"\x00\x00" + b"\x00\x00\x00" + length + self._raw
            head = b"\x16\xfe\xfd" + b"\x00" * 8
        else:
            handshake = b"\x01" + size.to_bytes(3, "big") + self._raw
            head = b"\x16\x03\x03"
        return head + struct.pack("!H", len(handshake)) + handshake

    @property
    def cipher_suites(self) -> List[int]:
        """The cipher suites that the client offers, by number."""
        return list(self._ciphers)

    @property
    def extensions(self) -> List[Tuple[int, bytes]]:
        """All extensions: (type, content)."""
        return list(self._extensions)

    def _extension(self, wanted: int) -> Optional[bytes]:
        for kind, content in self._extensions:
            if kind == wanted:
                return content
        return None

    @property
    def sni(self) -> Optional[str]:
        """The server name (RFC 6066 section 3), if it is a valid host name."""
        content = self._extension(_SNI)
        if content is None:
            return None
        try:
            names = _Reader(_Reader(content).vector(2))
            kind, name = names.number(1), names.vector(2)
        except ValueError:
            return None
        if kind != 0 or names.data or not check.is_valid_host(name):
            return None
        return name.decode("ascii", "strict")

    @property
    def alpn_protocols(self) -> List[bytes]:
        """The application protocols that the client offers (RFC 7301)."""
        content = self._extension(_ALPN)
        names: List[bytes] = []
        try:
            reader = _Reader(_Reader(content or b"\0\0").vector(2))
            while reader.data:
                names.append(reader.vector(1))
        except ValueError:
            return []
        return names


class ClientHelloData:
    """The argument of ``tls_clienthello``."""

    def __init__(
        self,
        context: _context.Context,
        client_hello: ClientHello,
        ignore_connection: bool = False,
        establish_server_tls_first: bool = False,
    ) -> None:
        self.context = context
        self.client_hello = client_hello
        self.ignore_connection = ignore_connection
        """Set it to pass the connection on without looking inside."""
        self.establish_server_tls_first = establish_server_tls_first
        """Set it to do the handshake with the server before that with the client."""


class TlsData:
    """The argument of the other TLS hooks."""

    def __init__(
        self,
        conn: connection.Connection,
        context: _context.Context,
        ssl_conn: Optional[Any] = None,
        is_dtls: bool = False,
    ) -> None:
        self.conn = conn
        self.context = context
        self.ssl_conn = ssl_conn
        """Always ``None``: TLS is done by midwire, not by an OpenSSL object in Python."""
        self.is_dtls = is_dtls


class QuicTlsData(TlsData):
    """The argument of the QUIC hooks."""

    settings: Optional[Any] = None
    """Always ``None``: QUIC is done by midwire."""


__all__ = ["ClientHello", "ClientHelloData", "QuicTlsData", "TlsData"]
