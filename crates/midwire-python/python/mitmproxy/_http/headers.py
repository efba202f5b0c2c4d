"""Header fields: a multi dict of bytes that may be given as an unparsed block."""

import re
from typing import Any, Iterable, Iterator, List, Optional, Tuple, Union

from mitmproxy.coretypes import multidict

Field = Tuple[bytes, bytes]

_FORBIDDEN = re.compile(rb"[\r\n\0]")
_NAME = re.compile(rb"[^\r\n\0][^\r\n\0:]*(?<!^:)\Z")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(value: Union[str, bytes]) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if not isinstance(value, bytes):
        raise TypeError(f"Expected str or bytes, but got {type(value).__name__}.")
    return value


def check_field(name: bytes, value: bytes) -> None:
    """Refuse what would end a field before its end. ValueError: line break or NUL."""
    if _FORBIDDEN.search(name):
        raise ValueError(
            f"Invalid header field name {name!r}: line breaks and NUL are not allowed."
        )
    if _FORBIDDEN.search(value):
        raise ValueError(
            f"Invalid value of header field {_text(name)!r}: "
            f"line breaks and NUL are not allowed, but it is {value[:80]!r}."
        )
    # A pseudo field of HTTP/2 begins with a colon.
    if not name or b":" in name[1:] or name == b":":
        raise ValueError(f"Invalid header field name {name!r}.")


def check_fields(fields: Iterable[Field]) -> None:
    """``check_field`` for all of them; quick if nothing is wrong."""
    names = []
    values = []
    for name, value in fields:
        names.append(name)
        values.append(value)
    if _FORBIDDEN.search(b"".join(values)) or not all(map(_NAME.match, names)):
        for name, value in zip(names, values):
            check_field(name, value)


def parse_block(block: bytes) -> Tuple[Field, ...]:
    """The fields of a raw block, ``name: value CRLF`` repeated."""
    fields = []
    for line in block.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name:
            fields.append((name, value.strip(b" \t")))
        elif line:
            # A pseudo field of HTTP/2 begins with the colon.
            name, _, value = line[1:].partition(b":")
            fields.append((line[:1] + name, value.strip(b" \t")))
    return tuple(fields)


def _ends_line(block: bytes) -> bool:
    return not block or block[-2:] == b"\r\n" and block[-4:] != b"\r\n\r\n"


class Headers(multidict.MultiDict):
    """The header or trailer fields of a message, in order and in their original spelling.

    Names compare without regard to ASCII case. ``h[name]`` joins all values with ``", "``;
    use ``get_all`` for fields like ``set-cookie``. Values are text decoded as UTF-8 with
    surrogates for other bytes; ``fields`` has the bytes.
    """

    _version = 0
    _unchecked = False
    """A script has made it of pairs that nobody has looked at yet."""

    def __init__(self, fields: Iterable[Field] = (), **headers: Union[str, bytes]) -> None:
        self._unchecked = True
        self._raw: Optional[bytes] = None
        pairs = tuple((k, v) for k, v in fields)
        for key, value in pairs:
            if not isinstance(key, bytes) or not isinstance(value, bytes):
                raise TypeError("Header fields must be bytes.")
        self._fields: Optional[Tuple[Field, ...]] = pairs
        if headers:
            self.update({_bytes(k).replace(b"_", b"-"): _bytes(v) for k, v in headers.items()})

    @classmethod
    def from_raw(cls, block: bytes) -> "Headers":
        """Fields given as a raw block, which is parsed when it is first looked at."""
        headers = cls.__new__(cls)
        headers._raw = block
        headers._fields = None
        return headers

    def __setitem__(self, key: Union[str, bytes], value: Union[str, bytes]) -> None:
        name, content = _bytes(key), _bytes(value)
        wanted = name.lower()
        if _FORBIDDEN.search(content) or not _NAME.match(name):
            # Refused, unless it has stood there before.
            self.set_all(name, [content])
            return
        raw = self._raw
        if raw is not None and _ends_line(raw) and content == content.strip(b" \t"):
            # Most often the name is new, and then nothing needs to be parsed.
            known = b"\n" + raw.lower()
            if b"\n" + wanted + b":" not in known:
                self._raw = b"%s%s: %s\r\n" % (raw, name, content)
                self._version += 1
                return
        fields = []
        placed = False
        for field in self.fields:
            if field[0].lower() != wanted:
                fields.append(field)
            elif not placed:
                placed = True
                fields.append((field[0], content))
        if not placed:
            fields.append((name, content))
        self._fields = tuple(fields)
        self._version += 1

    @property
    def fields(self) -> Tuple[Field, ...]:  # type: ignore[override]
        """All (name, value) pairs as bytes; may be assigned."""
        fields = self._fields
        if fields is None:
            # The block goes last, so that another thread finds one of the two.
            fields = self._fields = parse_block(self._raw or b"")
            self._raw = None
        return fields

    @fields.setter
    def fields(self, value: Iterable[Field]) -> None:
        pairs = tuple((k, v) for k, v in value)
        # What has come from the wire may stay as it is.
        known = set(self._fields or ())
        fresh = [pair for pair in pairs if pair not in known]
        for name, content in fresh:
            if not isinstance(name, bytes) or not isinstance(content, bytes):
                raise TypeError("Header fields must be bytes.")
        check_fields(fresh)
        self._fields = pairs
        self._raw = None
        self._version += 1

    def _packed(self) -> Any:
        """The block if nobody has parsed it, otherwise the pairs."""
        raw = self._raw
        return self.fields if raw is None else raw

    @staticmethod
    def _reduce_values(values: Any) -> Any:
        return ", ".join(values)

    @staticmethod
    def _kconv(key: Any) -> Any:
        return _bytes(key).lower()

    def __bytes__(self) -> bytes:
        return b"".join(b"%s: %s\r\n" % field for field in self.fields)

    def __delitem__(self, key: Union[str, bytes]) -> None:
        super().__delitem__(key)

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            yield _text(key)

    def get_all(self, name: Union[str, bytes]) -> List[str]:  # type: ignore[override]
        """All values of a field as text, not joined; empty if there are none."""
        return [_text(value) for value in super().get_all(_bytes(name))]

    def set_all(self, name: Union[str, bytes], values: Iterable[Union[str, bytes]]) -> None:  # type: ignore[override]
        """Give a field exactly these values, one line each."""
        super().set_all(_bytes(name), [_bytes(value) for value in values])

    def insert(self, index: int, key: Union[str, bytes], value: Union[str, bytes]) -> None:
        """Put a field before position ``index``."""
        super().insert(index, _bytes(key), _bytes(value))

    def items(self, multi: bool = False) -> Iterator[Tuple[str, str]]:  # type: ignore[override]
        """(name, value) as text: values joined per name, or with ``multi`` every field."""
        if multi:
            return ((_text(k), _text(v)) for k, v in self.fields)
        return super().items()
