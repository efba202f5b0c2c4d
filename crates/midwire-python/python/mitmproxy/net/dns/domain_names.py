"""Domain names as they are in DNS messages (RFC 1035 section 3.1 and 4.1.4)."""

import struct
from typing import List, Tuple

_MAX_POINTERS = 128
_MAX_NAME = 255


def unpack_from(buffer: bytes, offset: int) -> Tuple[str, int]:
    """(name, number of bytes it takes here). struct.error: malformed."""
    labels: List[str] = []
    start = offset
    end = 0
    jumps = 0
    total = 0
    while True:
        (size,) = struct.unpack_from("!B", buffer, offset)
        if size & 0xC0 == 0xC0:
            (pointer,) = struct.unpack_from("!H", buffer, offset)
            pointer &= 0x3FFF
            end = end or offset + 2
            jumps += 1
            if jumps > _MAX_POINTERS or pointer >= offset:
                raise struct.error("unpack encountered domain name loop")
            offset = pointer
            continue
        offset += 1
        if size & 0xC0:
            raise struct.error(f"unpack encountered a label of length {size}")
        if not size:
            break
        label = buffer[offset : offset + size]
        if len(label) < size:
            raise struct.error(f"unpack requires a label buffer of {size} bytes")
        total += size + 1
        if total > _MAX_NAME:
            raise struct.error("unpack encountered a domain name that is too long")
        labels.append(_decode(label))
        offset += size
    return ".".join(labels), (end or offset) - start


def _decode(label: bytes) -> str:
    try:
        return label.decode("idna")
    except UnicodeError:
        raise struct.error(f"unpack encountered an illegal characters in {label!r}") from None


def unpack(buffer: bytes) -> str:
    """The name that a whole buffer holds. struct.error: malformed."""
    name, length = unpack_from(buffer, 0)
    if length != len(buffer):
        raise struct.error(f"unpack requires a buffer of {length} bytes")
    return name


def pack(name: str) -> bytes:
    """The name without compression. ValueError: it cannot be a name."""
    result = bytearray()
    if name:
        for part in name.split("."):
            label = part.encode("idna")
            if not label:
                raise ValueError(f"domain name '{name}' contains empty labels")
            if len(label) > 63:
                raise ValueError(f"label '{part}' is longer than 63 bytes")
            result += struct.pack("!B", len(label)) + label
    result += b"\0"
    if len(result) > _MAX_NAME:
        raise ValueError(f"domain name '{name}' is longer than {_MAX_NAME} bytes")
    return bytes(result)
