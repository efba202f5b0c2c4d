"""HTTP requests."""

import os
import time
import urllib.parse
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from mitmproxy._http.headers import Headers
from mitmproxy._http.message import Message, always_bytes
from mitmproxy._http.tracking import RequestData, check_line
from mitmproxy.coretypes import multidict
from mitmproxy.net.http import cookies, multipart, url
from mitmproxy.net.http import headers as net_headers

Fields = Union[Headers, Tuple[Tuple[bytes, bytes], ...]]
Pairs = Sequence[Tuple[Any, Any]]
_CODINGS = ("gzip", "identity", "deflate", "br", "zstd")


def init_fields(value: Any) -> Headers:
    """Fields as constructors take them: an object or pairs of bytes."""
    return value if isinstance(value, Headers) else Headers(value)


def make_fields(headers: Any) -> Headers:
    """Fields as ``make`` takes them: an object, a dict, or pairs of bytes."""
    if isinstance(headers, Headers):
        return headers.copy()  # type: ignore[no-any-return]
    if isinstance(headers, Mapping):
        return Headers(
            tuple((always_bytes(name), always_bytes(value)) for name, value in headers.items())
        )
    if isinstance(headers, Iterable):
        return Headers(headers)
    raise TypeError(f"Expected headers to be an iterable or dict, but is {type(headers).__name__}.")


def check_content(content: Any) -> None:
    """Refuse content that is not bytes."""
    if isinstance(content, str):
        raise ValueError(f"Content must be bytes, not {type(content).__name__}")


class Request(Message):
    """An HTTP request."""

    _data_class = RequestData
    data: RequestData

    def __init__(
        self,
        host: str,
        port: int,
        method: bytes,
        scheme: bytes,
        authority: bytes,
        path: bytes,
        http_version: bytes,
        headers: Fields,
        content: Optional[bytes],
        trailers: Optional[Fields],
        timestamp_start: float,
        timestamp_end: Optional[float],
    ) -> None:
        check_content(content)
        if isinstance(host, bytes):
            host = host.decode("idna", "strict")
        if not isinstance(port, int):
            raise TypeError(f"Expected <class 'int'> for port, but got {type(port)}.")
        self.data = RequestData(
            host=host,
            port=port,
            method=always_bytes(method),
            scheme=always_bytes(scheme),
            authority=always_bytes(authority),
            path=always_bytes(path),
            http_version=always_bytes(http_version),
            headers=init_fields(headers),
            content=content,
            trailers=None if trailers is None else init_fields(trailers),
            timestamp_start=timestamp_start,
            timestamp_end=timestamp_end,
        )

    def __repr__(self) -> str:
        place = ""
        if self.host and self.port:
            place = url.hostport("", self.host, self.port)
        return f"Request({self.method} {place}{self.data.path.decode('utf-8', 'replace')})"

    @classmethod
    def make(
        cls,
        method: str,
        url: str,
        content: Union[bytes, str] = "",
        headers: Any = (),
    ) -> "Request":
        """Make a request from a URL.

        There is no Host field unless ``headers`` has one; content-length is set."""
        if not isinstance(content, (str, bytes)):
            raise TypeError(
                f"Expected content to be str or bytes, but is {type(content).__name__}."
            )
        now = time.time()
        fields = make_fields(headers)
        request = cls(
            "", 0, always_bytes(method), b"", b"", b"", b"HTTP/1.1", fields, b"", None, now, now
        )
        check_line("method", request.data.method)
        request.url = url
        if isinstance(content, bytes):
            request.content = content
        else:
            request.text = content
        return request

    @property
    def first_line_format(self) -> str:
        """The form of the target: ``authority``, ``absolute`` or ``relative``."""
        if self.method == "CONNECT":
            return "authority"
        return "absolute" if self.authority else "relative"

    @property
    def method(self) -> str:
        """The method in upper case."""
        return self.data.method.decode("utf-8", "surrogateescape").upper()

    @method.setter
    def method(self, value: Union[str, bytes]) -> None:
        self._put("method", value)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``; empty for CONNECT."""
        return self.data.scheme.decode("utf-8", "surrogateescape")

    @scheme.setter
    def scheme(self, value: Union[str, bytes]) -> None:
        self._put("scheme", value)

    @property
    def path(self) -> str:
        """The path with the query, as in the request line."""
        return self.data.path.decode("utf-8", "surrogateescape")

    @path.setter
    def path(self, value: Union[str, bytes]) -> None:
        self._put("path", value)

    def _put(self, key: str, value: Union[str, bytes]) -> None:
        data = always_bytes(value)
        check_line(key, data)
        setattr(self.data, key, data)

    @property
    def authority(self) -> str:
        """host[:port] of CONNECT, of an absolute target or of HTTP/2; otherwise empty."""
        try:
            return self.data.authority.decode("idna")
        except UnicodeError:
            return self.data.authority.decode("utf-8", "surrogateescape")

    @authority.setter
    def authority(self, value: Union[str, bytes]) -> None:
        data = value
        if isinstance(value, str):
            try:
                data = value.encode("idna", "strict")
            except UnicodeError:
                data = value.encode("utf-8", "surrogateescape")
        self._put("authority", data)

    @property
    def host(self) -> str:
        """Where the request goes, not what the Host field says.

        Assigning also updates a present Host field and authority."""
        return self.data.host

    @host.setter
    def host(self, value: Union[str, bytes]) -> None:
        if isinstance(value, bytes):
            value = value.decode("idna", "strict")
        if not isinstance(value, str):
            raise TypeError(f"Expected str or bytes, but got {type(value).__name__}.")
        check_line("host", value)
        self.data.host = value
        self._follow_destination()

    @property
    def port(self) -> int:
        """The port the request goes to; assigning works as for ``host``."""
        return self.data.port

    @port.setter
    def port(self, value: int) -> None:
        if not isinstance(value, int):
            raise ValueError(f"Port must be an integer, not {value!r}.")
        self.data.port = value
        self._follow_destination()

    def _follow_destination(self) -> None:
        value = url.hostport(self.scheme, self.host, self.port)
        if "Host" in self.headers:
            self.headers["Host"] = value
        if self.data.authority:
            self.authority = value

    @property
    def host_header(self) -> Optional[str]:
        """The Host field, or the authority in HTTP/2 and later; ``None`` if absent.

        Assigning ``None`` removes it."""
        if self.is_http2 or self.is_http3:
            return self.authority or self.data.headers.get("Host")
        return self.data.headers.get("Host")

    @host_header.setter
    def host_header(self, value: Optional[Union[str, bytes]]) -> None:
        later = self.is_http2 or self.is_http3
        if value is None:
            if later:
                self.data.authority = b""
            self.headers.pop("Host", None)
            return
        if later:
            self.authority = value  # type: ignore[assignment]
        if not later or "Host" in self.headers:
            self.headers["Host"] = value

    @property
    def url(self) -> str:
        """The whole URL by destination; ``host:port`` for CONNECT.

        Assigning sets scheme, host, port and path. ValueError: no valid URL."""
        if self.first_line_format == "authority":
            return f"{self.host}:{self.port}"
        return self._url_with(self.host, self.port)

    @url.setter
    def url(self, value: Union[str, bytes]) -> None:
        if not isinstance(value, (str, bytes)):
            raise TypeError(f"Expected str or bytes, but got {type(value).__name__}.")
        scheme, host, port, path = url.parse(value)
        self.data.scheme = scheme
        self.host = host  # type: ignore[assignment]
        self.port = port
        self.path = path  # type: ignore[assignment]

    def _url_with(self, host: str, port: int) -> str:
        path = "" if self.path == "*" else self.path
        return url.unparse(self.scheme, host, port, path)

    @property
    def pretty_host(self) -> str:
        """The host name of the Host field (or authority), else the destination."""
        header = self.host_header
        if not header:
            return self.host
        return url.parse_authority(header, check=False)[0]

    @property
    def pretty_url(self) -> str:
        """``url`` with the name of the Host field instead of the destination."""
        if self.first_line_format == "authority":
            return self.authority
        header = self.host_header
        if not header:
            return self.url
        host, port = url.parse_authority(header, check=False)
        default = url.default_port(self.scheme) or 443
        return self._url_with(host, port or default)

    def _split(self) -> Any:
        return urllib.parse.urlparse(self.url)

    def _join(self, parts: Sequence[str]) -> None:
        self.path = urllib.parse.urlunparse(["", "", *parts])

    def _get_query(self) -> Pairs:
        return tuple(url.decode(self._split().query))

    def _set_query(self, pairs: Pairs) -> None:
        query = url.encode(pairs)
        parts = self._split()
        self._join([parts[2], parts[3], query, parts[5]])

    @property
    def query(self) -> multidict.MultiDictView:
        """The pairs of the query; changes are written to ``path``."""
        return multidict.MultiDictView(self._get_query, self._set_query)

    @query.setter
    def query(self, value: Any) -> None:
        self._set_query(_as_pairs(value))

    def _get_cookies(self) -> Pairs:
        found = cookies.parse_cookie_headers(self.headers.get_all("Cookie"))
        return tuple(tuple(pair) for pair in found)  # type: ignore[misc]

    def _set_cookies(self, pairs: Pairs) -> None:
        self.headers["cookie"] = cookies.format_cookie_header(pairs)

    @property
    def cookies(self) -> multidict.MultiDictView:
        """The cookies of all Cookie fields; changes are written to one Cookie field."""
        return multidict.MultiDictView(self._get_cookies, self._set_cookies)

    @cookies.setter
    def cookies(self, value: Any) -> None:
        self._set_cookies(_as_pairs(value))

    @property
    def path_components(self) -> Tuple[str, ...]:
        """The segments of the path, unquoted. Assigning keeps the query."""
        path = self._split().path
        return tuple(url.unquote(part) for part in path.split("/") if part)

    @path_components.setter
    def path_components(self, components: Iterable[str]) -> None:
        path = "/" + "/".join(url.quote(part, safe="") for part in components)
        parts = self._split()
        self._join([path, parts[3], parts[4], parts[5]])

    def anticache(self) -> None:
        """Remove fields that could lead to an empty 304 response."""
        for name in ("if-modified-since", "if-none-match"):
            self.headers.pop(name, None)

    def anticomp(self) -> None:
        """Ask for content without compression."""
        self.headers["accept-encoding"] = "identity"

    def constrain_encoding(self) -> None:
        """Ask only for content codings that can be decoded here."""
        accepted = self.headers.get("accept-encoding")
        if accepted:
            self.headers["accept-encoding"] = ", ".join(c for c in _CODINGS if c in accepted)

    def _is_form(self, kind: str) -> bool:
        return kind in self.headers.get("content-type", "").lower()

    def _get_urlencoded_form(self) -> Pairs:
        if self._is_form("application/x-www-form-urlencoded"):
            return tuple(url.decode(self.get_text(strict=False) or ""))
        return ()

    def _set_urlencoded_form(self, pairs: Pairs) -> None:
        self.headers["content-type"] = "application/x-www-form-urlencoded"
        self.content = url.encode(pairs, self.get_text(strict=False)).encode()

    @property
    def urlencoded_form(self) -> multidict.MultiDictView:
        """The pairs of a URL-encoded form; changes are written to the content."""
        return multidict.MultiDictView(self._get_urlencoded_form, self._set_urlencoded_form)

    @urlencoded_form.setter
    def urlencoded_form(self, value: Any) -> None:
        self._set_urlencoded_form(_as_pairs(value))

    def _get_multipart_form(self) -> List[Tuple[bytes, bytes]]:
        if not self._is_form("multipart/form-data") or self.content is None:
            return []
        try:
            return multipart.decode_multipart(self.headers["content-type"], self.content)
        except ValueError:
            return []

    def _set_multipart_form(self, pairs: Sequence[Tuple[bytes, bytes]]) -> None:
        kind = net_headers.parse_content_type(self.headers.get("content-type", ""))
        if not self._is_form("multipart/form-data") or not kind or "boundary" not in kind[2]:
            boundary = "-" * 20 + os.urandom(16).hex()
            self.headers["content-type"] = f"multipart/form-data; boundary={boundary}"
        self.content = multipart.encode_multipart(self.headers["content-type"], list(pairs))

    @property
    def multipart_form(self) -> multidict.MultiDictView:
        """The (name, value) pairs of a multipart form as bytes; changes are written back."""
        return multidict.MultiDictView(self._get_multipart_form, self._set_multipart_form)

    @multipart_form.setter
    def multipart_form(self, value: Any) -> None:
        self._set_multipart_form(_as_pairs(value))


def _as_pairs(value: Any) -> Pairs:
    """Pairs from a multi dict, a mapping or pairs."""
    if isinstance(value, multidict._MultiDict):
        return value.fields
    if isinstance(value, Mapping):
        return tuple(value.items())
    return tuple(tuple(pair) for pair in value)  # type: ignore[misc]
