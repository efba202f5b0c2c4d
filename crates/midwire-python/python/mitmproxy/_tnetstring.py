"""Typed netstrings, the encoding of flow files: ``LENGTH ":" DATA TAG``."""

from typing import Any, BinaryIO, Dict, List, Tuple, Union

TSerializable = Union[None, str, bool, int, float, bytes, list, tuple, dict]

_MAX_DIGITS = 12
_MAX_DEPTH = 64


def dumps(value: TSerializable) -> bytes:
    """Encode a value. ValueError: something in it has no encoding or is nested too deep."""
    return _dump(value, 0)


def dump(value: TSerializable, file_handle: BinaryIO) -> None:
    """Encode a value into a binary file, in one write."""
    file_handle.write(dumps(value))


def _frame(data: bytes, tag: bytes) -> bytes:
    return b"%d:%s%s" % (len(data), data, tag)


def _dump(value: Any, depth: int) -> bytes:
    if depth > _MAX_DEPTH:
        raise ValueError(f"value is nested deeper than {_MAX_DEPTH}")
    if value is None:
        return b"0:~"
    if value is True:
        return b"4:true!"
    if value is False:
        return b"5:false!"
    if isinstance(value, int):
        return _frame(b"%d" % value, b"#")
    if isinstance(value, float):
        # repr gives the shortest digits that read back as the same number.
        return _frame(float.__repr__(value).encode("ascii"), b"^")
    if isinstance(value, bytes):
        return _frame(value, b",")
    if isinstance(value, str):
        return _frame(value.encode("utf-8"), b";")
    if isinstance(value, (list, tuple)):
        return _frame(b"".join(_dump(item, depth + 1) for item in value), b"]")
    if isinstance(value, dict):
        # The writers of this format put the pairs in reverse order.
        parts = [_dump(key, depth + 1) + _dump(item, depth + 1) for key, item in value.items()]
        return _frame(b"".join(reversed(parts)), b"}")
    raise ValueError(f"unserializable object: {value!r}")


def loads(string: bytes) -> Any:
    """Decode a value and ignore what follows it. ValueError: malformed."""
    return pop(memoryview(string))[0]


def load(file_handle: BinaryIO) -> Any:
    """Read one value from a binary file. ValueError: end of file, or malformed."""
    char = file_handle.read(1)
    if not char:
        raise ValueError("not a tnetstring: empty file")
    digits = b""
    while char.isdigit():
        digits += char
        if len(digits) > _MAX_DIGITS:
            raise ValueError("not a tnetstring: absurdly large length prefix")
        char = file_handle.read(1)
    if char != b":" or not digits:
        raise ValueError("not a tnetstring: missing or invalid length prefix")
    length = int(digits)
    data = _read_exactly(file_handle, length)
    tag = file_handle.read(1)
    if not tag:
        raise ValueError("not a tnetstring: length prefix too big")
    return parse(tag[0], memoryview(data))


def _read_exactly(file_handle: BinaryIO, length: int) -> bytes:
    chunks = []
    left = length
    while left:
        # The length is not trusted: memory is taken only for what is really there.
        chunk = file_handle.read(min(left, 1 << 20))
        if not chunk:
            raise ValueError("not a tnetstring: length prefix too big")
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def parse(data_type: int, data: memoryview) -> Any:
    """Decode the data of a value with this tag. ValueError: malformed."""
    return _parse(data_type, data, 0)


def _parse(tag: int, data: memoryview, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("not a tnetstring: nested too deep")
    if tag == ord(b","):
        return data.tobytes()
    if tag == ord(b";"):
        return str(data, "utf-8")
    if tag == ord(b"#"):
        return _number(int, data)
    if tag == ord(b"^"):
        return _number(float, data)
    if tag == ord(b"!"):
        return _boolean(data)
    if tag == ord(b"~"):
        if data:
            raise ValueError(f"not a tnetstring: invalid null literal {data.tobytes()[:40]!r}")
        return None
    if tag == ord(b"]"):
        return _parse_list(data, depth)
    if tag == ord(b"}"):
        return _parse_dict(data, depth)
    raise ValueError(f"unknown type tag: {tag}")


def _number(kind: Any, data: memoryview) -> Any:
    try:
        return kind(data.tobytes())
    except ValueError:
        raise ValueError(
            f"not a tnetstring: invalid {kind.__name__} literal: {data.tobytes()[:40]!r}"
        ) from None


def _boolean(data: memoryview) -> bool:
    text = data.tobytes()
    if text == b"true":
        return True
    if text == b"false":
        return False
    raise ValueError(f"not a tnetstring: invalid boolean literal {text[:40]!r}")


def _parse_list(data: memoryview, depth: int) -> List[Any]:
    items = []
    while data:
        item, data = _pop(data, depth + 1)
        items.append(item)
    return items


def _parse_dict(data: memoryview, depth: int) -> Dict[Any, Any]:
    pairs: Dict[Any, Any] = {}
    while data:
        key, data = _pop(data, depth + 1)
        if isinstance(key, (list, dict)):
            raise ValueError("not a tnetstring: key is no plain value")
        value, data = _pop(data, depth + 1)
        pairs[key] = value
    return pairs


def split(data: memoryview, sep: bytes) -> Tuple[int, memoryview]:
    """The number before ``sep`` and what follows it. ValueError: no such number."""
    digits = 0
    limit = min(len(data), _MAX_DIGITS + 1)
    while digits < limit and data[digits] != sep[0]:
        digits += 1
    head = bytes(data[:digits])
    if digits >= limit or not head.isdigit():
        raise ValueError("not a tnetstring: missing or invalid length prefix")
    return int(head), data[digits + 1 :]


def pop(data: memoryview) -> Tuple[Any, memoryview]:
    """The first value and what follows it. ValueError: malformed."""
    return _pop(data, 0)


def _pop(data: memoryview, depth: int) -> Tuple[Any, memoryview]:
    length, rest = split(data, b":")
    if length >= len(rest):
        raise ValueError("not a tnetstring: invalid length prefix: %d" % length)
    return _parse(rest[length], rest[:length], depth), rest[length + 1 :]


__all__ = ["dump", "dumps", "load", "loads", "pop"]
