"""What requests and responses have in common."""

import json
from typing import Any, Callable, Dict, Iterable, Optional, Tuple, Type, Union

from mitmproxy._http.headers import Headers
from mitmproxy._http.tracking import MessageData, as_headers, check_line
from mitmproxy.coretypes import serializable
from mitmproxy.net import encoding
from mitmproxy.net.http import headers as net_headers

Stream = Union[bool, Callable[[bytes], Union[bytes, Iterable[bytes]]]]


def always_bytes(value: Any, charset: str = "utf-8") -> bytes:
    """Bytes from bytes or text. TypeError: neither."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode(charset, "surrogateescape")
    raise TypeError(f"Expected str or bytes, but got {type(value).__name__}.")


class Message(serializable.Serializable):
    """The base of ``Request`` and ``Response``.

    ``content`` and ``text`` hide the content coding, ``raw_content`` does not. All of them
    are ``None`` if the content is missing, for example because it was streamed."""

    _data_class: Type[MessageData] = MessageData
    data: Any
    """The raw values; prefer the properties."""
    stream: Stream = False
    """Pass the content on as it comes: ``True``, or a function that changes each chunk.

    The function gets ``bytes`` and gives ``bytes`` or an iterable of them; at the end it is
    called with ``b""``. Set it in ``requestheaders`` or ``responseheaders``."""

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> Any:
        """Make a message from its flow-file state."""
        return cls(**state)

    def get_state(self) -> Dict[str, Any]:
        """The message as a flow file stores it."""
        state: Dict[str, Any] = self.data.get_state()
        return state

    def set_state(self, state: Dict[str, Any]) -> None:
        """Overwrite the message with a flow-file state."""
        self.data.set_state(state)

    @classmethod
    def _build(cls, state: Dict[str, Any]) -> Any:
        message = cls.__new__(cls)
        message.data = cls._data_class.build(state)
        return message

    @classmethod
    def _unpack(cls, values: Tuple[Any, ...]) -> Any:
        message = cls.__new__(cls)
        message.data = cls._data_class.unpack(values)
        return message

    def _absorb(self, state: Dict[str, Any]) -> None:
        self.data.absorb(state)

    def _changes(self) -> Dict[str, Any]:
        changes: Dict[str, Any] = self.data.changes()
        return changes

    def _settle(self) -> None:
        self.data.settle()

    def _check(self) -> None:
        self.data.check()

    @property
    def http_version(self) -> str:
        """``HTTP/1.0``, ``HTTP/1.1``, ``HTTP/2.0`` or ``HTTP/3``."""
        return str(self.data.http_version.decode("utf-8", "surrogateescape"))

    @http_version.setter
    def http_version(self, http_version: Union[str, bytes]) -> None:
        value = always_bytes(http_version)
        check_line("http_version", value)
        self.data.http_version = value

    @property
    def is_http10(self) -> bool:
        """Was this sent with HTTP/1.0?"""
        return bool(self.data.http_version == b"HTTP/1.0")

    @property
    def is_http11(self) -> bool:
        """Was this sent with HTTP/1.1?"""
        return bool(self.data.http_version == b"HTTP/1.1")

    @property
    def is_http2(self) -> bool:
        """Was this sent with HTTP/2?"""
        return bool(self.data.http_version == b"HTTP/2.0")

    @property
    def is_http3(self) -> bool:
        """Was this sent with HTTP/3?"""
        return bool(self.data.http_version == b"HTTP/3")

    @property
    def headers(self) -> Headers:
        """The header fields."""
        headers: Headers = self.data.headers
        return headers

    @headers.setter
    def headers(self, headers: Headers) -> None:
        self.data.headers = _fields("headers", headers)

    @property
    def trailers(self) -> Optional[Headers]:
        """The fields after the content, if there are any (RFC 9110 section 6.5)."""
        trailers: Optional[Headers] = self.data.trailers
        return trailers

    @trailers.setter
    def trailers(self, trailers: Optional[Headers]) -> None:
        self.data.trailers = None if trailers is None else _fields("trailers", trailers)

    @property
    def timestamp_start(self) -> float:
        """When the head was received, in Unix seconds."""
        moment: float = self.data.timestamp_start
        return moment

    @timestamp_start.setter
    def timestamp_start(self, timestamp_start: float) -> None:
        self.data.timestamp_start = timestamp_start

    @property
    def timestamp_end(self) -> Optional[float]:
        """When the last byte was received, in Unix seconds; ``None`` until then."""
        moment: Optional[float] = self.data.timestamp_end
        return moment

    @timestamp_end.setter
    def timestamp_end(self, timestamp_end: Optional[float]) -> None:
        self.data.timestamp_end = timestamp_end

    @property
    def raw_content(self) -> Optional[bytes]:
        """The content as it was transferred, with its content coding; ``None``: missing."""
        content: Optional[bytes] = self.data.content
        return content

    @raw_content.setter
    def raw_content(self, content: Optional[bytes]) -> None:
        if content is not None and not isinstance(content, bytes):
            raise TypeError(f"Raw content must be bytes, not {type(content).__name__}.")
        self.data.content = content

    @property
    def content(self) -> Optional[bytes]:
        """The content without its content coding; ``None``: missing.

        Assigning applies the present coding and sets content-length.
        ValueError when reading: the coding is unknown or the content broken."""
        return self.get_content()

    @content.setter
    def content(self, value: Optional[bytes]) -> None:
        self.set_content(value)

    def get_content(self, strict: bool = True) -> Optional[bytes]:
        """Like ``content``; if it cannot be decoded and not ``strict``: as it is."""
        raw = self.raw_content
        coding = self.headers.get("content-encoding") if raw is not None else None
        if not coding or raw is None:
            return raw
        try:
            decoded = encoding.decode(raw, coding)
            if isinstance(decoded, str):
                # The name of a text codec is no content coding.
                raise ValueError(f"Invalid content encoding: {coding!r}")
        except ValueError:
            if strict:
                raise
            return raw
        return bytes(decoded)

    def set_content(self, value: Optional[bytes]) -> None:
        """Like assigning ``content``."""
        if value is None:
            self.raw_content = None
            return
        if not isinstance(value, bytes):
            raise TypeError(
                f"Message content must be bytes, not {type(value).__name__}. "
                "Please use .text if you want to assign a str."
            )
        coding = self.headers.get("content-encoding")
        try:
            self.raw_content = encoding.encode(value, coding or "identity")
        except ValueError:
            # Nobody could read it in that coding, so it is sent without.
            del self.headers["content-encoding"]
            self.raw_content = value
        self._update_length()

    def _update_length(self) -> None:
        if "transfer-encoding" in self.headers:
            return
        self.headers["content-length"] = str(len(self.raw_content or b""))

    def _charset(self, content: bytes = b"") -> str:
        return net_headers.infer_content_encoding(self.headers.get("content-type", ""), content)

    @property
    def text(self) -> Optional[str]:
        """The content as text; ``None``: missing. ValueError: cannot be decoded.

        Assigning uses the charset of content-type, or UTF-8 if that does not do."""
        return self.get_text()

    @text.setter
    def text(self, value: Optional[str]) -> None:
        self.set_text(value)

    def get_text(self, strict: bool = True) -> Optional[str]:
        """Like ``text``; if it cannot be decoded and not ``strict``: UTF-8 with surrogates."""
        content = self.get_content(strict)
        if content is None:
            return None
        try:
            return str(encoding.decode(content, self._charset(content)))
        except ValueError:
            if strict:
                raise
            return content.decode("utf-8", "surrogateescape")

    def set_text(self, text: Optional[str]) -> None:
        """Like assigning ``text``."""
        if text is None:
            self.content = None
            return
        try:
            self.content = encoding.encode(text, self._charset())
        except ValueError:
            # The declared charset cannot express the text.
            parsed = net_headers.parse_content_type(self.headers.get("content-type", ""))
            main, sub, params = parsed or ("text", "plain", {})
            params["charset"] = "utf-8"
            self.headers["content-type"] = net_headers.assemble_content_type(main, sub, params)
            self.content = text.encode("utf-8", "surrogateescape")

    def decode(self, strict: bool = True) -> None:
        """Remove the content coding for good.

        ValueError: cannot be decoded (if not ``strict`` the coding is just forgotten)."""
        decoded = self.get_content(strict)
        self.headers.pop("content-encoding", None)
        self.content = decoded

    def encode(self, encoding: str) -> None:
        """Apply a content coding: gzip, deflate, br, zstd, identity. ValueError: unknown."""
        self.headers["content-encoding"] = encoding
        self.content = self.raw_content
        if "content-encoding" not in self.headers:
            raise ValueError(f"Invalid content encoding {encoding!r}")

    def json(self, **kwargs: Any) -> Any:
        """The content as JSON. TypeError: missing; ValueError: not JSON."""
        content = self.get_content(strict=False)
        if content is None:
            raise TypeError("Message content is not available.")
        return json.loads(content, **kwargs)


def _fields(name: str, value: Any) -> Headers:
    if isinstance(value, Headers):
        return value
    try:
        return as_headers(value)
    except (TypeError, ValueError):
        raise TypeError(
            f"{name} must be Headers, not {type(value).__name__}; "
            "use http.Headers(name='value') to make them."
        ) from None
