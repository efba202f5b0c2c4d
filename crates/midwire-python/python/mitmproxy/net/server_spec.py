"""Server specifications: ``[scheme://]host[:port]``."""

import functools
import re
from typing import Tuple

from mitmproxy.net import check

ServerSpec = Tuple[str, Tuple[str, int]]
"""(scheme, (host, port))"""

_SPEC = re.compile(
    r"\A(?:(?P<scheme>\w+)://)?(?P<host>[^:/]+|\[.+\])(?::(?P<port>\d+))?/?\Z", re.DOTALL
)
_PORTS = {"http": 80, "https": 443, "quic": 443, "http3": 443, "dns": 53}
_SCHEMES = ("http", "https", "http3", "tls", "dtls", "tcp", "udp", "dns", "quic")


@functools.lru_cache(maxsize=256)
def parse(server_spec: str, default_scheme: str) -> ServerSpec:
    """Take a server specification apart. ValueError says what is wrong with it."""
    found = _SPEC.match(server_spec)
    if not found:
        raise ValueError(f"Invalid server specification: {server_spec}")
    scheme = found["scheme"] or default_scheme
    if scheme not in _SCHEMES:
        raise ValueError(f"Invalid server scheme: {scheme}")
    host = found["host"]
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not check.is_valid_host(host):
        raise ValueError(f"Invalid hostname: {host}")
    if found["port"]:
        port = int(found["port"])
    elif scheme in _PORTS:
        port = _PORTS[scheme]
    else:
        raise ValueError("Port specification missing.")
    if not check.is_valid_port(port):
        raise ValueError(f"Invalid port: {port}")
    return scheme, (host, port)
