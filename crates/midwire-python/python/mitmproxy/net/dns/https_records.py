"""The data of HTTPS records (RFC 9460)."""

import enum
import struct
from typing import Any, Dict

from mitmproxy.net.dns import domain_names
from mitmproxy.utils import strutils


class SVCParamKeys(enum.Enum):
    """The keys of service parameters (RFC 9460 section 14.3.2)."""

    MANDATORY = 0
    ALPN = 1
    NO_DEFAULT_ALPN = 2
    PORT = 3
    IPV4HINT = 4
    ECH = 5
    IPV6HINT = 6


class HTTPSRecord:
    """Priority, target name and parameters by key."""

    def __init__(self, priority: int, target_name: str, params: Dict[int, bytes]) -> None:
        self.priority = priority
        self.target_name = target_name
        self.params = params

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HTTPSRecord) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return str(self.to_json())

    def to_json(self) -> Dict[str, Any]:
        """A dict for people to read: parameters by name, values escaped."""
        result: Dict[str, Any] = {"target_name": self.target_name, "priority": self.priority}
        for key, value in self.params.items():
            result[_name(key)] = strutils.bytes_to_escaped_str(value)
        return result

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> "HTTPSRecord":
        """The inverse of ``to_json``."""
        params = {}
        for name, value in data.items():
            if name not in ("target_name", "priority"):
                params[_number(name)] = strutils.escaped_str_to_bytes(value)
        return cls(data["priority"], data["target_name"], params)


def _name(key: int) -> str:
    try:
        return SVCParamKeys(key).name.lower()
    except ValueError:
        return f"key{key}"


def _number(name: str) -> int:
    try:
        return int(SVCParamKeys[name.upper()].value)
    except KeyError:
        return int(name[3:] if name.startswith("key") else name)


def unpack(data: bytes) -> HTTPSRecord:
    """Take record data apart. struct.error: malformed."""
    (priority,) = struct.unpack_from("!H", data, 0) if len(data) >= 2 else struct.unpack("!H", data)
    target, size = domain_names.unpack_from(data, 2)
    offset = 2 + size
    params: Dict[int, bytes] = {}
    while offset < len(data):
        key, length = struct.unpack_from("!HH", data, offset)
        offset += 4
        value = data[offset : offset + length]
        if len(value) < length:
            raise struct.error(f"unpack requires a buffer of {length} bytes")
        params[key] = value
        offset += length
    return HTTPSRecord(priority, target, params)


def pack(record: HTTPSRecord) -> bytes:
    """The record data. Parameters keep their order."""
    result = struct.pack("!H", record.priority) + domain_names.pack(record.target_name)
    for key, value in record.params.items():
        result += struct.pack("!HH", key, len(value)) + value
    return result
