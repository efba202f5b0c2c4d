"""How HTTP messages keep track of what scripts change (see ``mitmproxy._mirror``)."""

from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Optional, Set, Tuple

from mitmproxy._http.headers import Headers, check_fields
from mitmproxy.coretypes import serializable

Loader = Callable[[], Optional[bytes]]
FieldsLike = Any
"""Headers, a raw block as bytes, or pairs of bytes."""

_FIELDS = ("headers", "trailers")


def as_headers(value: FieldsLike) -> Headers:
    """Fields from an object, a raw block or pairs."""
    if isinstance(value, Headers):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Headers.from_raw(bytes(value))
    return Headers((_plain(name), _plain(content)) for name, content in value)


def _plain(value: Any) -> Any:
    """Buffers as bytes; anything else is left to the constructor of Headers to refuse."""
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


class MessageData(serializable.Serializable):
    """The raw values of a message, named and typed as in a flow file's state.

    Every assignment is noted, so that the host can ask what a script has changed."""

    _keys: Tuple[str, ...] = (
        "http_version",
        "headers",
        "content",
        "trailers",
        "timestamp_start",
        "timestamp_end",
    )
    _slots: Tuple[str, ...]
    _known: FrozenSet[str]
    _defaults: Dict[str, Any] = {"http_version": b"HTTP/1.1", "timestamp_start": 0.0}
    http_version: bytes
    headers: Headers
    trailers: Optional[Headers]
    timestamp_start: float
    timestamp_end: Optional[float]

    def __init__(self, **values: Any) -> None:
        put = self.__dict__
        put["_dirty"] = set()
        put["_loader"] = None
        for key in self._keys:
            put[key] = values[key]
        put["_content"] = put.pop("content")
        self._remember_fields()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._slots = tuple("_content" if key == "content" else key for key in cls._keys)
        cls._known = frozenset(cls._keys)

    @classmethod
    def unpack(cls, values: Tuple[Any, ...]) -> Any:
        """Values in the order of ``_keys``, with fields as raw blocks."""
        data = cls.__new__(cls)
        put = data.__dict__
        put.update(zip(cls._slots, values))
        put["_dirty"] = set()
        put["_loader"] = None
        fields = put["headers"] = put["_seen_headers"] = Headers.from_raw(put["headers"])
        put["_version_headers"] = fields._version
        trailers = put["trailers"]
        if trailers is not None:
            trailers = put["trailers"] = Headers.from_raw(trailers)
        put["_seen_trailers"] = trailers
        put["_version_trailers"] = None if trailers is None else trailers._version
        return data

    def _remember_fields(self) -> None:
        put = self.__dict__
        for key in _FIELDS:
            fields = put[key]
            put["_seen_" + key] = fields
            put["_version_" + key] = None if fields is None else fields._version

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["_dirty"].add(name)
        if name == "content":
            self.__dict__["_loader"] = None
            name = "_content"
        self.__dict__[name] = value

    def __getattr__(self, name: str) -> Any:
        if name != "content":
            raise AttributeError(name)
        put = self.__dict__
        loader = put["_loader"]
        if loader is not None:
            # The loader goes only after it has worked, so that a failure can be repeated.
            put["_content"] = loader()
            put["_loader"] = None
        return put["_content"]

    def __repr__(self) -> str:
        values = ", ".join(f"{key}={getattr(self, key)!r}" for key in self._keys)
        return f"{type(self).__name__}({values})"

    def get_state(self) -> Dict[str, Any]:
        """All values as a flow file stores them; loads the content."""
        return {key: self._state_of(key) for key in self._keys}

    def _state_of(self, key: str) -> Any:
        value = getattr(self, key)
        if key in _FIELDS:
            return None if value is None else value.get_state()
        return value

    def set_state(self, state: Dict[str, Any]) -> None:
        """Overwrite all values; counts as a change of each."""
        for key in self._keys:
            value = state[key]
            if key in _FIELDS and value is not None:
                value = as_headers(value)
            setattr(self, key, value)

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> Any:
        """Values from a complete state."""
        data = cls.build({})
        data.set_state(state)
        data.settle()
        return data

    @classmethod
    def build(cls, state: Dict[str, Any]) -> Any:
        """Values from a partial state with lazy forms; the rest takes defaults."""
        values: Dict[str, Any] = dict.fromkeys(cls._keys)
        values["headers"] = Headers()
        values.update(cls._defaults)
        data = cls(**values)
        data.absorb(state)
        return data

    def absorb(self, state: Dict[str, Any]) -> None:
        """Write newer values of the core; they are not changes."""
        put = self.__dict__
        for key, value in state.items():
            if key not in self._keys:
                raise KeyError(f"HTTP messages have no state {key!r}.")
            put["_dirty"].discard(key)
            if key in _FIELDS:
                fields = None if value is None else as_headers(value)
                put[key] = put["_seen_" + key] = fields
                put["_version_" + key] = None if fields is None else fields._version
            elif key == "content":
                lazy = callable(value)
                put["_loader"] = value if lazy else None
                put["_content"] = None if lazy else value
            else:
                put[key] = value

    def changed_keys(self) -> Set[str]:
        """The state keys that were touched since the last ``settle``."""
        put = self.__dict__
        keys = put["_dirty"] & self._known
        fields = put["headers"]
        if fields is not put["_seen_headers"] or (
            fields is not None and fields._version != put["_version_headers"]
        ):
            keys.add("headers")
        fields = put["trailers"]
        if fields is not put["_seen_trailers"] or (
            fields is not None and fields._version != put["_version_trailers"]
        ):
            keys.add("trailers")
        return keys

    def changes(self) -> Dict[str, Any]:
        """The touched values as state. ValueError: one must not go on a wire."""
        keys = self.changed_keys()
        if not keys:
            return {}
        self.check(keys)
        return {key: self._state_of(key) for key in self._keys if key in keys}

    def packed_changes(self) -> Optional[Dict[str, Any]]:
        """Like ``changes``, with fields as a raw block where they were not parsed; ``None``
        if nothing was touched."""
        keys = self.changed_keys()
        if not keys:
            return None
        self.check(keys)
        put = self.__dict__
        changes = {}
        for key in keys:
            if key in _FIELDS:
                value = put[key]
                changes[key] = None if value is None else value._packed()
            else:
                changes[key] = getattr(self, key)
        return changes

    def settle(self) -> None:
        """Forget what was touched."""
        self.__dict__["_dirty"].clear()
        self._remember_fields()

    def check(self, keys: Optional[Iterable[str]] = None) -> None:
        """Refuse values that would break the framing of a message. ValueError says which."""
        for key in self._keys if keys is None else keys:
            value = self.__dict__["_content"] if key == "content" else getattr(self, key)
            if key in _FIELDS:
                if value is not None and not isinstance(value, Headers):
                    raise ValueError(f"{key} must be Headers, not {type(value).__name__}.")
                if value is not None and value._unchecked:
                    check_fields(value.fields)
            elif key == "content":
                if value is not None and not isinstance(value, bytes):
                    raise ValueError(f"content must be bytes, not {type(value).__name__}.")
            else:
                check_line(key, value)


def check_line(key: str, value: Any) -> None:
    """Refuse CR, LF and NUL in a part of a message's first line."""
    bad: List[Any] = ["\r", "\n", "\0"] if isinstance(value, str) else [b"\r", b"\n", b"\0"]
    if isinstance(value, (str, bytes)) and any(char in value for char in bad):
        raise ValueError(
            f"Invalid {key}: line breaks and NUL are not allowed, but it is {value[:80]!r}."
        )


MessageData._known = frozenset(MessageData._keys)


class RequestData(MessageData):
    """The raw values of a request."""

    _keys = MessageData._keys + ("host", "port", "method", "scheme", "authority", "path")
    _defaults = dict(
        MessageData._defaults,
        host="",
        port=0,
        method=b"GET",
        scheme=b"",
        authority=b"",
        path=b"",
    )
    host: str
    port: int
    method: bytes
    scheme: bytes
    authority: bytes
    path: bytes


class ResponseData(MessageData):
    """The raw values of a response."""

    _keys = MessageData._keys + ("status_code", "reason")
    _defaults = dict(MessageData._defaults, status_code=200, reason=b"")
    status_code: int
    reason: bytes
