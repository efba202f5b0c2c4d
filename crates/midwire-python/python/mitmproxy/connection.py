"""The connections to clients and servers."""

import enum
import time
import uuid
import warnings
from typing import Any, Callable, ClassVar, Dict, NamedTuple, Optional, Sequence, Set, Tuple

from mitmproxy import certs
from mitmproxy.coretypes import serializable
from mitmproxy.net import server_spec
from mitmproxy.proxy import mode_specs
from mitmproxy.utils import human

Address = Tuple[str, int]
TransportProtocol = str
TlsVersion = str

_TLS_VERSIONS = (
    "SSLv3",
    "TLSv1",
    "TLSv1.1",
    "TLSv1.2",
    "TLSv1.3",
    "DTLSv0.9",
    "DTLSv1",
    "DTLSv1.2",
    "QUICv1",
)


class ConnectionState(enum.Flag):
    """Which directions of a connection are open."""

    CLOSED = 0
    CAN_READ = 1
    CAN_WRITE = 2
    OPEN = CAN_READ | CAN_WRITE


class _Key(NamedTuple):
    """One key of the state: its default, and the conversions from and to state."""

    default: Any
    load: Callable[[str, Any], Any]
    dump: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _typed(kind: type) -> Callable[[str, Any], Any]:
    def load(name: str, value: Any) -> Any:
        if value is None or isinstance(value, kind):
            return value
        raise ValueError(
            f"Invalid value for {name}. Expected {kind!r}, got {value!r} ({type(value)})."
        )

    return load


def _choice(options: Sequence[str]) -> Callable[[str, Any], Any]:
    def load(name: str, value: Any) -> Any:
        if value is None or value in options:
            return value
        raise ValueError(f"Invalid value for {name}: {value!r} does not match any literal value.")

    return load


def _number(name: str, value: Any) -> Optional[float]:
    return None if value is None else float(value)


def _address(name: str, value: Any) -> Any:
    return None if value is None else tuple(value)


def _spec(name: str, value: Any) -> Any:
    return None if value is None else (value[0], tuple(value[1]))


def _certificates(name: str, value: Any) -> Any:
    return list(value)


def _texts(name: str, value: Any) -> Any:
    return list(value)


def _dump_certificates(value: Any) -> Any:
    return [c if isinstance(c, bytes) else c.to_pem() for c in value]


def _dump_certificate(value: Any) -> Any:
    return value if value is None or isinstance(value, bytes) else value.to_pem()


def _dump_number(value: Any) -> Any:
    return None if value is None else float(value)


def _load_mode(name: str, value: Any) -> Any:
    return mode_specs.ProxyMode.parse(value) if isinstance(value, str) else value


_OPTIONAL_ADDRESS = _Key(None, _address, _same)
_TIME = _Key(None, _number, _dump_number)

_COMMON: Dict[str, _Key] = {
    "peername": _OPTIONAL_ADDRESS,
    "sockname": _OPTIONAL_ADDRESS,
    "id": _Key(None, _typed(str), _same),
    "transport_protocol": _Key("tcp", _choice(("tcp", "udp")), _same),
    "error": _Key(None, _typed(str), _same),
    "tls": _Key(False, _typed(bool), _same),
    "certificate_list": _Key((), _certificates, _dump_certificates),
    "alpn": _Key(None, _typed(bytes), _same),
    "alpn_offers": _Key((), _texts, list),
    "cipher": _Key(None, _typed(str), _same),
    "cipher_list": _Key((), _texts, list),
    "tls_version": _Key(None, _choice(_TLS_VERSIONS), _same),
    "sni": _Key(None, _typed(str), _same),
    "timestamp_start": _TIME,
    "timestamp_end": _TIME,
    "timestamp_tls_setup": _TIME,
}


class Connection(serializable.Serializable):
    """The base of ``Client`` and ``Server``. Connections compare by ``id``."""

    _dirty: Set[str]
    _keys: ClassVar[Dict[str, _Key]] = _COMMON
    _required: ClassVar[Tuple[str, ...]] = ("peername", "sockname")

    peername: Optional[Address]
    """The address of the other side."""
    sockname: Optional[Address]
    """Our own address on this connection."""
    state: ConnectionState = ConnectionState.CLOSED
    id: str
    transport_protocol: TransportProtocol
    error: Optional[str]
    """Why the connection failed. Set it in a hook to have it closed."""
    tls: bool
    """Is TLS wanted on this connection?"""
    alpn: Optional[bytes]
    alpn_offers: Sequence[bytes]
    cipher: Optional[str]
    cipher_list: Sequence[str]
    tls_version: Optional[TlsVersion]
    sni: Optional[str]
    """The server name in the ClientHello."""
    timestamp_end: Optional[float]
    timestamp_tls_setup: Optional[float]

    def __init__(self, **values: Any) -> None:
        put = self.__dict__
        put["_dirty"] = set()
        put["state"] = values.pop("state", ConnectionState.CLOSED)
        name = f"{type(self).__name__}.__init__()"
        for key in self._required:
            if key not in values:
                raise TypeError(f"{name} missing 1 required keyword-only argument: {key!r}")
        for key, spec in self._keys.items():
            put["_" + key if key in _LAZY else key] = values.pop(key, spec.default)
        if put["id"] is None:
            put["id"] = str(uuid.uuid4())
        for key in values:
            raise TypeError(f"{name} got an unexpected keyword argument {key!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["_dirty"].add(name)
        object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connection) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        shown: Dict[str, Any] = {"id": f"…{self.id[-6:]}", "address": self._shown_address()}
        for key in self._order():
            value = getattr(self, key)
            default = self._keys[key].default if key in self._keys else ConnectionState.CLOSED
            if key in ("id", "address") or (value == default and not isinstance(value, list)):
                continue
            if key == "cipher_list":
                value = f"<{len(value)} ciphers>"
            if key == "proxy_mode" and value.full_spec == "regular":
                continue
            shown[key] = value
        return f"{type(self).__name__}({shown!r})"

    def _order(self) -> Sequence[str]:
        keys = list(self._keys)
        keys.insert(2, "state")
        return keys

    def _shown_address(self) -> Optional[Address]:
        return None

    def _describe(self, address: Optional[Address], extra: str) -> str:
        tls = ""
        if self.alpn is not None:
            tls = f", alpn={self.alpn.decode(errors='replace')}"
        elif self.tls_established:
            tls = ", tls"
        state = self.state.name if self.state.name else "open"
        return (
            f"{type(self).__name__}({human.format_address(address)}, "
            f"state={state.lower()}{tls}{extra})"
        )

    @property
    def certificate_list(self) -> Sequence[certs.Cert]:
        """The certificates of the other side, its own first."""
        found = self.__dict__["_certificate_list"]
        if any(isinstance(c, bytes) for c in found):
            found = [certs.Cert.from_state(c) if isinstance(c, bytes) else c for c in found]
            self.__dict__["_certificate_list"] = found
        return found  # type: ignore[no-any-return]

    @certificate_list.setter
    def certificate_list(self, value: Sequence[certs.Cert]) -> None:
        self.__dict__["_certificate_list"] = value

    @property
    def connected(self) -> bool:
        """Are both directions open?"""
        return self.state is ConnectionState.OPEN

    @property
    def tls_established(self) -> bool:
        """Is the TLS handshake done?"""
        return self.timestamp_tls_setup is not None

    @property
    def alpn_proto_negotiated(self) -> Optional[bytes]:
        """Deprecated: use ``alpn``."""
        _deprecated("alpn_proto_negotiated", "alpn")
        return self.alpn

    def get_state(self) -> Dict[str, Any]:
        """The connection as a flow file stores it."""
        put = self.__dict__
        return {
            key: spec.dump(put["_" + key] if key in _LAZY else put[key])
            for key, spec in self._keys.items()
        }

    def set_state(self, state: Dict[str, Any]) -> None:
        """Overwrite the connection with a complete state."""
        state = dict(state)
        values = {key: spec.load(key, state.pop(key)) for key, spec in self._keys.items()}
        if state:
            raise ValueError(f"Unexpected fields in {type(self).__name__}.set_state: {state}")
        put = self.__dict__
        put["_dirty"].update(values)
        for key, value in values.items():
            put["_" + key if key in _LAZY else key] = value

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> Any:
        """A closed connection from a complete state."""
        conn = cls(**dict.fromkeys(cls._required))
        conn.set_state(state)
        conn._settle()
        return conn

    @classmethod
    def _build(cls, state: Dict[str, Any]) -> Any:
        conn = cls(**dict.fromkeys(cls._required))
        conn._absorb(state)
        return conn

    def _absorb(self, state: Dict[str, Any]) -> None:
        put = self.__dict__
        for key, value in state.items():
            if key == "state":
                put["state"] = ConnectionState(value)
            else:
                spec = self._keys[key]
                put["_" + key if key in _LAZY else key] = spec.load(key, value)
            put["_dirty"].discard(key)

    def _changes(self) -> Dict[str, Any]:
        if not self._dirty:
            return {}
        return {
            key: spec.dump(getattr(self, key))
            for key, spec in self._keys.items()
            if key in self._dirty
        }

    def _settle(self) -> None:
        self._dirty.clear()


_LAZY = ("certificate_list", "mitmcert")


def _deprecated(old: str, new: str) -> None:
    warnings.warn(f"{old} is deprecated, use {new} instead.", DeprecationWarning, stacklevel=3)


class Client(Connection):
    """A connection between a client and the proxy."""

    _keys = {
        **_COMMON,
        "mitmcert": _Key(None, lambda name, value: value, _dump_certificate),
        "proxy_mode": _Key(
            mode_specs.ProxyMode.parse("regular"), _load_mode, lambda mode: mode.get_state()
        ),
    }
    peername: Address
    sockname: Address
    timestamp_start: float
    proxy_mode: mode_specs.ProxyMode
    """The mode of the listener that accepted the connection."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        if self.__dict__["timestamp_start"] is None:
            self.__dict__["timestamp_start"] = time.time()

    def __str__(self) -> str:
        return self._describe(self.peername, "")

    @property
    def mitmcert(self) -> Optional[certs.Cert]:
        """The certificate that was shown to the client."""
        found = self.__dict__["_mitmcert"]
        if isinstance(found, bytes):
            found = self.__dict__["_mitmcert"] = certs.Cert.from_state(found)
        return found  # type: ignore[no-any-return]

    @mitmcert.setter
    def mitmcert(self, value: Optional[certs.Cert]) -> None:
        self.__dict__["_mitmcert"] = value

    @property
    def address(self) -> Address:
        """Deprecated: use ``peername``."""
        _deprecated("Client.address", "Client.peername")
        return self.peername

    @address.setter
    def address(self, value: Address) -> None:
        _deprecated("Client.address", "Client.peername")
        self.peername = value

    @property
    def cipher_name(self) -> Optional[str]:
        """Deprecated: use ``cipher``."""
        _deprecated("Client.cipher_name", "Client.cipher")
        return self.cipher

    @property
    def clientcert(self) -> Optional[certs.Cert]:
        """Deprecated: use ``certificate_list``."""
        _deprecated("Client.clientcert", "Client.certificate_list")
        return self.certificate_list[0] if self.certificate_list else None

    @clientcert.setter
    def clientcert(self, value: Optional[certs.Cert]) -> None:
        _deprecated("Client.clientcert", "Client.certificate_list")
        self.certificate_list = [value] if value else []


class Server(Connection):
    """A connection between the proxy and a server."""

    _keys = {
        **_COMMON,
        "address": _OPTIONAL_ADDRESS,
        "timestamp_tcp_setup": _TIME,
        "via": _Key(None, _spec, _same),
    }
    _required = ("address",)
    address: Optional[Address]
    """Where to connect to; the host may be a name."""
    timestamp_start: Optional[float]
    timestamp_tcp_setup: Optional[float]
    via: Optional[server_spec.ServerSpec]
    """The upstream proxy: (scheme, (host, port))."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("address", "via") and self.connected:
            if value != self.__dict__[name]:
                raise RuntimeError(f"Cannot change server.{name} on open connection.")
        super().__setattr__(name, value)

    def __str__(self) -> str:
        extra = f", src_port={self.sockname[1]}" if self.sockname else ""
        return self._describe(self.address, extra)

    def _shown_address(self) -> Optional[Address]:
        return self.address

    @property
    def ip_address(self) -> Optional[Address]:
        """Deprecated: use ``peername``."""
        _deprecated("Server.ip_address", "Server.peername")
        return self.peername

    @property
    def cert(self) -> Optional[certs.Cert]:
        """Deprecated: use ``certificate_list``."""
        _deprecated("Server.cert", "Server.certificate_list")
        return self.certificate_list[0] if self.certificate_list else None

    @cert.setter
    def cert(self, value: Optional[certs.Cert]) -> None:
        _deprecated("Server.cert", "Server.certificate_list")
        self.certificate_list = [value] if value else []


__all__ = ["Client", "Connection", "ConnectionState", "Server"]
