"""Taking URLs apart and putting them together again."""

import re
import urllib.parse
from typing import Any, List, Optional, Sequence, Tuple, Union

from mitmproxy.net import check

_DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"\A(?P<host>\[.*\]|[^\[\]]*?)(?::(?P<port>\d+))?\Z", re.DOTALL)


def default_port(scheme: Union[str, bytes]) -> Optional[int]:
    """80 for http, 443 for https, otherwise ``None``."""
    name = scheme.decode("latin-1") if isinstance(scheme, bytes) else scheme
    return _DEFAULT_PORTS.get(name)


def parse(url: Union[str, bytes]) -> Tuple[bytes, bytes, int, bytes]:
    """(scheme, host, port, path with query and fragment) of an absolute URL.

    A host name that is not ASCII is given IDNA-encoded.
    ValueError: no host, bad host or port, or characters outside ASCII."""
    text = url.decode("ascii") if isinstance(url, bytes) else url
    parts = urllib.parse.urlsplit(text)
    if not parts.hostname:
        raise ValueError("No hostname given")
    if isinstance(url, bytes):
        host = parts.hostname.encode("idna")
    else:
        host = parts.hostname.encode("ascii")
    scheme = parts.scheme.encode("ascii")
    port = parts.port
    if not port:
        port = 443 if scheme == b"https" else 80
    rest = urllib.parse.urlunsplit(("", "", parts.path, parts.query, parts.fragment))
    path = rest.encode("ascii")
    if not path.startswith(b"/"):
        path = b"/" + path
    if not check.is_valid_host(host):
        raise ValueError("Invalid Host")
    if not check.is_valid_port(port):
        raise ValueError("Invalid Port")
    return scheme, host, port, path


def unparse(scheme: str, host: str, port: int, path: str) -> str:
    """The URL with these parts; the default port is left out."""
    return f"{scheme}://{hostport(scheme, host, port)}{path}"


def hostport(scheme: Any, host: Any, port: int) -> Any:
    """``host`` or ``host:port`` if the port is not the default of the scheme."""
    if default_port(scheme) == port:
        return host
    if isinstance(host, bytes):
        return b"%s:%d" % (host, port)
    return f"{host}:{port}"


def parse_authority(authority: Union[str, bytes], check: bool) -> Tuple[str, Optional[int]]:
    """(host, port or None) of ``host[:port]``; brackets around an IPv6 address go away.

    With ``check`` a malformed one is a ValueError, otherwise it is given back as the host."""
    try:
        if isinstance(authority, bytes):
            # Whatever the bytes are, only their host part may be IDNA-encoded.
            host, port = _split_authority(authority.decode("utf-8"))
            return host.encode("ascii", "strict").decode("idna"), port
        return _split_authority(authority)
    except ValueError:
        if check:
            raise
        if isinstance(authority, bytes):
            return authority.decode("utf-8", "surrogateescape"), None
        return authority, None


def _split_authority(text: str) -> Tuple[str, Optional[int]]:
    found = _AUTHORITY.match(text)
    if found is None:
        raise ValueError(f"Invalid authority: {text!r}")
    host = found["host"]
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not check.is_valid_host(host):
        raise ValueError(f"Invalid host name: {host!r}")
    if not found["port"]:
        return host, None
    port = int(found["port"])
    if not check.is_valid_port(port):
        raise ValueError(f"Invalid port: {port}")
    return host, port


def encode(s: Sequence[Tuple[str, str]], similar_to: Optional[str] = None) -> str:
    """A query string; ``similar_to`` is one whose habit of leaving out ``=`` is kept."""
    bare = False
    if similar_to:
        bare = any("=" not in part for part in similar_to.split("&"))
    encoded = urllib.parse.urlencode(s, False, errors="surrogateescape")
    if encoded and bare:
        encoded = re.sub(r"=(?=&|\Z)", "", encoded)
    return encoded


def decode(s: Union[str, bytes]) -> List[Tuple[Any, Any]]:
    """The pairs of a query string, empty values included."""
    return urllib.parse.parse_qsl(s, keep_blank_values=True, errors="surrogateescape")


def quote(b: str, safe: str = "/") -> str:
    """Percent-encode text; surrogates give their original bytes."""
    return urllib.parse.quote(b, safe=safe, errors="surrogateescape")


def unquote(s: str) -> str:
    """Undo percent-encoding; bytes that are not UTF-8 become surrogates."""
    return urllib.parse.unquote(s, errors="surrogateescape")
