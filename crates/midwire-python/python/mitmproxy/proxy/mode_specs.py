"""Proxy modes as the ``mode`` option writes them: ``type[:data][@[host:]port]``."""

import functools
from typing import Any, ClassVar, Dict, Optional, Tuple, Type

from mitmproxy.coretypes import serializable
from mitmproxy.net import server_spec

TCP = "tcp"
UDP = "udp"
BOTH = "both"


class ProxyMode(serializable.Serializable):
    """A parsed mode. Make one with ``ProxyMode.parse``; modes cannot be changed."""

    full_spec: str
    """The text it was made from."""
    data: str
    """What follows the colon."""
    custom_listen_host: Optional[str]
    custom_listen_port: Optional[int]
    type_name: ClassVar[str] = ""
    description: str = ""
    default_port: Optional[int] = 8080
    transport_protocol: str = TCP
    _types: ClassVar[Dict[str, Type["ProxyMode"]]] = {}

    def __init__(
        self,
        full_spec: str,
        data: str,
        custom_listen_host: Optional[str],
        custom_listen_port: Optional[int],
    ) -> None:
        put = self.__dict__
        put["full_spec"] = full_spec
        put["data"] = data
        put["custom_listen_host"] = custom_listen_host
        put["custom_listen_port"] = custom_listen_port
        self._check()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type_name = cls.__name__[: -len("Mode")].lower()
        ProxyMode._types[cls.type_name] = cls

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"proxy modes cannot be changed: {name}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProxyMode) and self.full_spec == other.full_spec

    def __hash__(self) -> int:
        return hash(self.full_spec)

    def __repr__(self) -> str:
        return f"ProxyMode.parse({self.full_spec!r})"

    def _check(self) -> None:
        if self.data:
            raise ValueError("mode takes no arguments")

    @classmethod
    @functools.lru_cache(maxsize=256)
    def parse(cls, spec: str) -> Any:
        """Parse a mode. ValueError says what is wrong with it."""
        head, _, listen_at = spec.rpartition("@")
        if not head:
            head, listen_at = listen_at, ""
        name, _, data = head.partition(":")
        host: Optional[str] = None
        port: Optional[int] = None
        if listen_at:
            host_part, _, port_part = listen_at.rpartition(":")
            host = host_part or None
            try:
                port = int(port_part)
                if not 0 <= port <= 65535:
                    raise ValueError
            except ValueError:
                raise ValueError(f"invalid port: {port_part}") from None
        kind = ProxyMode._types.get(name.strip().lower() if name == name.strip() else "")
        if kind is None:
            raise ValueError("unknown mode")
        if not issubclass(kind, cls):
            raise ValueError(f"{spec!r} is not a spec for a {cls.type_name} mode")
        return kind(spec, data, host, port)

    def listen_host(self, default: Optional[str] = None) -> str:
        """The address to listen on; that of the mode goes before ``default``."""
        return self.custom_listen_host or default or ""

    def listen_port(self, default: Optional[int] = None) -> Optional[int]:
        """The port to listen on; that of the mode goes before ``default``."""
        if self.custom_listen_port is not None:
            return self.custom_listen_port
        return default if default is not None else self.default_port

    def get_state(self) -> str:
        """The text it was made from."""
        return self.full_spec

    def set_state(self, state: str) -> None:
        """Modes cannot be changed. RuntimeError: another state is given."""
        if state != self.full_spec:
            raise RuntimeError("Proxy modes are immutable.")

    @classmethod
    def from_state(cls, state: str) -> "ProxyMode":
        """Parse a mode."""
        mode: ProxyMode = ProxyMode.parse(state)
        return mode


class RegularMode(ProxyMode):
    """Clients know that this is a proxy."""

    description = "HTTP(S) proxy"


class TransparentMode(ProxyMode):
    """Connections are redirected by the network."""

    description = "Transparent Proxy"


class UpstreamMode(ProxyMode):
    """Like regular, with another HTTP proxy behind."""

    description = "HTTP(S) proxy (upstream mode)"
    scheme: str
    address: Tuple[str, int]

    def _check(self) -> None:
        scheme, address = server_spec.parse(self.data, default_scheme="http")
        if scheme not in ("http", "https"):
            raise ValueError("invalid upstream proxy scheme")
        self.__dict__["scheme"] = scheme
        self.__dict__["address"] = address


class ReverseMode(ProxyMode):
    """Acts as if it were a certain server."""

    scheme: str
    address: Tuple[str, int]

    def _check(self) -> None:
        put = self.__dict__
        scheme, put["address"] = server_spec.parse(self.data, default_scheme="https")
        put["scheme"] = scheme
        put["description"] = f"reverse proxy to {self.data}"
        if scheme in ("http3", "dtls", "udp", "quic"):
            put["transport_protocol"] = UDP
        elif scheme in ("dns", "https"):
            put["transport_protocol"] = BOTH
        if scheme == "dns":
            put["default_port"] = 53


class Socks5Mode(ProxyMode):
    """A SOCKS server (RFC 1928)."""

    description = "SOCKS v5 proxy"
    default_port = 1080


class DnsMode(ProxyMode):
    """A DNS server."""

    description = "DNS server"
    default_port = 53
    transport_protocol = BOTH


class WireGuardMode(ProxyMode):
    """A VPN server; the data is the path of its keys."""

    description = "WireGuard server"
    default_port = 51820
    transport_protocol = UDP

    def _check(self) -> None:
        pass


class LocalMode(ProxyMode):
    """Captures programs of this machine; the data names them."""

    description = "Local redirector"
    default_port = None
    transport_protocol = BOTH

    def _check(self) -> None:
        pass


class TunMode(ProxyMode):
    """A network interface; the data is its name."""

    description = "TUN interface"
    default_port = None
    transport_protocol = BOTH

    def _check(self) -> None:
        pass


class OsProxyMode(ProxyMode):
    """The former name of local mode."""

    def _check(self) -> None:
        raise ValueError(
            "osproxy mode has been renamed to local mode. "
            "Thanks for trying our experimental features!"
        )
