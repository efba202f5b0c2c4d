"""DNS messages and flows (RFC 1035)."""

import base64
import ipaddress
import itertools
import random
import struct
import time
from typing import Any, ClassVar, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from mitmproxy import _mirror, connection, flow
from mitmproxy.coretypes import serializable
from mitmproxy.net.dns import (
    classes,
    domain_names,
    https_records,
    op_codes,
    response_codes,
    types,
)

_NAME_TYPES = (types.NS, types.CNAME, types.PTR)


class _Plain(serializable.Serializable):
    """Values in a fixed order that make up constructor, state and comparison."""

    _keys: ClassVar[Tuple[str, ...]] = ()

    def __repr__(self) -> str:
        values = ", ".join(f"{key}={getattr(self, key)!r}" for key in self._keys)
        return f"{type(self).__name__}({values})"

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, key) == getattr(other, key) for key in self._keys)

    __hash__ = None  # type: ignore[assignment]

    def get_state(self) -> Dict[str, Any]:
        """The values as a flow file stores them."""
        return {key: getattr(self, key) for key in self._keys}

    def set_state(self, state: Dict[str, Any]) -> None:
        """Overwrite all values."""
        for key in self._keys:
            setattr(self, key, state[key])

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> Any:
        """An object from its state."""
        return cls(**state)


class Question(_Plain):
    """What is asked for."""

    HEADER: ClassVar[struct.Struct] = struct.Struct("!HH")
    _keys = ("name", "type", "class_")

    def __init__(self, name: str, type: int, class_: int) -> None:
        self.name = name
        self.type = type
        self.class_ = class_

    def __str__(self) -> str:
        return self.name

    def to_json(self) -> Dict[str, Any]:
        """A dict with names in place of numbers."""
        return {
            "name": self.name,
            "type": types.to_str(self.type),
            "class": classes.to_str(self.class_),
        }

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> "Question":
        """The inverse of ``to_json``."""
        return cls(data["name"], types.from_str(data["type"]), classes.from_str(data["class"]))


class ResourceRecord(_Plain):
    """One record; ``data`` has its bytes, the properties show them as what they are."""

    DEFAULT_TTL: ClassVar[int] = 60
    HEADER: ClassVar[struct.Struct] = struct.Struct("!HHIH")
    _keys = ("name", "type", "class_", "ttl", "data")

    def __init__(self, name: str, type: int, class_: int, ttl: int, data: bytes) -> None:
        self.name = name
        self.type = type
        self.class_ = class_
        self.ttl = ttl
        self.data = data

    def __str__(self) -> str:
        return str(self._data_json())

    def _data_json(self) -> Union[str, Dict[str, Any]]:
        try:
            if self.type == types.A:
                return str(self.ipv4_address)
            if self.type == types.AAAA:
                return str(self.ipv6_address)
            if self.type in _NAME_TYPES:
                return self.domain_name
            if self.type == types.TXT:
                return self.text
            if self.type == types.HTTPS:
                return https_records.unpack(self.data).to_json()
        except (ValueError, struct.error):
            return f"0x{self.data.hex()} (invalid {types.to_str(self.type)} data)"
        return f"0x{self.data.hex()}"

    @property
    def text(self) -> str:
        """The data as text."""
        return self.data.decode("utf-8", "surrogateescape")

    @text.setter
    def text(self, value: str) -> None:
        self.data = value.encode("utf-8", "surrogateescape")

    @property
    def ipv4_address(self) -> ipaddress.IPv4Address:
        """The address of an A record."""
        return ipaddress.IPv4Address(self.data)

    @ipv4_address.setter
    def ipv4_address(self, value: ipaddress.IPv4Address) -> None:
        self.data = ipaddress.IPv4Address(value).packed

    @property
    def ipv6_address(self) -> ipaddress.IPv6Address:
        """The address of an AAAA record."""
        return ipaddress.IPv6Address(self.data)

    @ipv6_address.setter
    def ipv6_address(self, value: ipaddress.IPv6Address) -> None:
        self.data = ipaddress.IPv6Address(value).packed

    @property
    def domain_name(self) -> str:
        """The name in a CNAME, NS or PTR record."""
        return domain_names.unpack(self.data)

    @domain_name.setter
    def domain_name(self, value: str) -> None:
        self.data = domain_names.pack(value)

    @property
    def https_alpn(self) -> Optional[Tuple[bytes, ...]]:
        """The ALPN names of an HTTPS record; ``None``: no such parameter."""
        value = https_records.unpack(self.data).params.get(https_records.SVCParamKeys.ALPN.value)
        if value is None:
            return None
        names = []
        while value:
            names.append(value[1 : 1 + value[0]])
            value = value[1 + value[0] :]
        return tuple(names)

    @https_alpn.setter
    def https_alpn(self, value: Optional[Iterable[bytes]]) -> None:
        packed = None
        if value is not None:
            packed = b"".join(struct.pack("!B", len(name)) + name for name in value)
        self._set_param(https_records.SVCParamKeys.ALPN, packed)

    @property
    def https_ech(self) -> Optional[str]:
        """The ECH configuration of an HTTPS record in base64; ``None``: none."""
        value = https_records.unpack(self.data).params.get(https_records.SVCParamKeys.ECH.value)
        return None if value is None else base64.b64encode(value).decode("ascii")

    @https_ech.setter
    def https_ech(self, value: Optional[str]) -> None:
        packed = None if value is None else base64.b64decode(value.encode("ascii"))
        self._set_param(https_records.SVCParamKeys.ECH, packed)

    def _set_param(self, key: https_records.SVCParamKeys, value: Optional[bytes]) -> None:
        record = https_records.unpack(self.data)
        if value is None:
            record.params.pop(key.value, None)
        else:
            record.params[key.value] = value
        self.data = https_records.pack(record)

    def to_json(self) -> Dict[str, Any]:
        """A dict with names in place of numbers and readable data."""
        return {
            "name": self.name,
            "type": types.to_str(self.type),
            "class": classes.to_str(self.class_),
            "ttl": self.ttl,
            "data": self._data_json(),
        }

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> "ResourceRecord":
        """The inverse of ``to_json``."""
        record = cls(
            data["name"],
            types.from_str(data["type"]),
            classes.from_str(data["class"]),
            data["ttl"],
            b"",
        )
        value = data["data"]
        if record.type == types.HTTPS and isinstance(value, dict):
            record.data = https_records.pack(https_records.HTTPSRecord.from_json(value))
        elif value.startswith("0x") and record.type != types.TXT:
            record.data = bytes.fromhex(value[2:].partition(" ")[0])
        elif record.type == types.A:
            record.ipv4_address = ipaddress.IPv4Address(value)
        elif record.type == types.AAAA:
            record.ipv6_address = ipaddress.IPv6Address(value)
        elif record.type in _NAME_TYPES:
            record.domain_name = value
        else:
            record.text = value
        return record

    @classmethod
    def A(cls, name: str, ip: ipaddress.IPv4Address, *, ttl: int = 60) -> "ResourceRecord":
        """An IPv4 address."""
        return cls(name, types.A, classes.IN, ttl, ipaddress.IPv4Address(ip).packed)

    @classmethod
    def AAAA(cls, name: str, ip: ipaddress.IPv6Address, *, ttl: int = 60) -> "ResourceRecord":
        """An IPv6 address."""
        return cls(name, types.AAAA, classes.IN, ttl, ipaddress.IPv6Address(ip).packed)

    @classmethod
    def CNAME(cls, alias: str, canonical: str, *, ttl: int = 60) -> "ResourceRecord":
        """Another name for the same."""
        return cls(alias, types.CNAME, classes.IN, ttl, domain_names.pack(canonical))

    @classmethod
    def PTR(cls, inaddr: str, ptr: str, *, ttl: int = 60) -> "ResourceRecord":
        """The name of an address."""
        return cls(inaddr, types.PTR, classes.IN, ttl, domain_names.pack(ptr))

    @classmethod
    def TXT(cls, name: str, text: str, *, ttl: int = 60) -> "ResourceRecord":
        """Text."""
        data = text.encode("utf-8", "surrogateescape")
        return cls(name, types.TXT, classes.IN, ttl, data)

    @classmethod
    def HTTPS(cls, name: str, record: https_records.HTTPSRecord, ttl: int = 60) -> "ResourceRecord":
        """Service parameters of an HTTPS origin."""
        return cls(name, types.HTTPS, classes.IN, ttl, https_records.pack(record))


_SECTIONS = ("answers", "authorities", "additionals")


class DNSMessage(_Plain):
    """A query or the response to one."""

    HEADER: ClassVar[struct.Struct] = struct.Struct("!HHHHHH")
    _keys = (
        "id",
        "query",
        "op_code",
        "authoritative_answer",
        "truncation",
        "recursion_desired",
        "recursion_available",
        "reserved",
        "response_code",
        "questions",
        "answers",
        "authorities",
        "additionals",
        "timestamp",
    )
    query: bool
    """Is this a query (not a response)?"""
    op_code: int
    response_code: int
    questions: List[Question]
    answers: List[ResourceRecord]
    authorities: List[ResourceRecord]
    additionals: List[ResourceRecord]
    timestamp: Optional[float]

    def __init__(
        self,
        id: int,
        query: bool,
        op_code: int,
        authoritative_answer: bool,
        truncation: bool,
        recursion_desired: bool,
        recursion_available: bool,
        reserved: int,
        response_code: int,
        questions: List[Question],
        answers: List[ResourceRecord],
        authorities: List[ResourceRecord],
        additionals: List[ResourceRecord],
        timestamp: Optional[float] = None,
    ) -> None:
        self.id = id
        self.query = query
        self.op_code = op_code
        self.authoritative_answer = authoritative_answer
        self.truncation = truncation
        self.recursion_desired = recursion_desired
        self.recursion_available = recursion_available
        self.reserved = reserved
        self.response_code = response_code
        self.questions = questions
        self.answers = answers
        self.authorities = authorities
        self.additionals = additionals
        self.timestamp = timestamp
        self._seen: Optional[Dict[str, Any]] = None

    def __str__(self) -> str:
        parts: Sequence[Any] = self.questions
        if not self.query:
            parts = [*self.answers, *self.authorities, *self.additionals]
        return "\r\n".join(str(part) for part in parts)

    def get_state(self) -> Dict[str, Any]:
        """The message as a flow file stores it."""
        state = super().get_state()
        for key in ("questions", *_SECTIONS):
            state[key] = [item.get_state() for item in state[key]]
        if state["timestamp"] is not None:
            state["timestamp"] = float(state["timestamp"])
        return state

    def set_state(self, state: Dict[str, Any]) -> None:
        """Overwrite the message with a state."""
        super().set_state(state)
        self.questions = [Question.from_state(q) for q in state["questions"]]
        for key in _SECTIONS:
            setattr(self, key, [ResourceRecord.from_state(r) for r in state[key]])

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> "DNSMessage":
        """A message from its state."""
        message = cls(**state)
        message.set_state(state)
        return message

    @classmethod
    def _build(cls, state: Dict[str, Any]) -> "DNSMessage":
        return cls.from_state(state)

    def _absorb(self, state: Dict[str, Any]) -> None:
        self.set_state({**self.get_state(), **state})
        self._settle()

    def _changes(self) -> Any:
        state = self.get_state()
        return _mirror.Replaced(state) if state != self._seen else None

    def _check(self) -> None:
        _ = self.packed

    def _settle(self) -> None:
        self._seen = self.get_state()

    @property
    def question(self) -> Optional[Question]:
        """The question if there is exactly one, which is nearly always so."""
        return self.questions[0] if len(self.questions) == 1 else None

    @property
    def size(self) -> int:
        """How many bytes of data all records have."""
        records = itertools.chain(self.answers, self.authorities, self.additionals)
        return sum(len(record.data) for record in records)

    @property
    def content(self) -> bytes:
        """The same as ``packed``."""
        return self.packed

    def fail(self, response_code: int) -> "DNSMessage":
        """A response that says why there is no answer. ValueError: NOERROR is no reason."""
        if response_code == response_codes.NOERROR:
            raise ValueError("response_code must be an error code.")
        return self._respond(response_code, [], False)

    def succeed(self, answers: List[ResourceRecord]) -> "DNSMessage":
        """A response with answers."""
        return self._respond(response_codes.NOERROR, answers, True)

    def _respond(
        self, code: int, answers: List[ResourceRecord], recursion_available: bool
    ) -> "DNSMessage":
        return DNSMessage(
            id=self.id,
            query=False,
            op_code=self.op_code,
            authoritative_answer=False,
            truncation=False,
            recursion_desired=self.recursion_desired,
            recursion_available=recursion_available,
            reserved=0,
            response_code=code,
            questions=self.questions,
            answers=answers,
            authorities=[],
            additionals=[],
            timestamp=time.time(),
        )

    @classmethod
    def unpack(cls, buffer: bytes, timestamp: Optional[float] = None) -> "DNSMessage":
        """Take a whole buffer apart. struct.error: malformed, or bytes are left."""
        length, message = cls.unpack_from(buffer, 0, timestamp)
        if length != len(buffer):
            raise struct.error(f"unpack requires a buffer of {length} bytes")
        return message

    @classmethod
    def unpack_from(
        cls,
        buffer: Union[bytes, bytearray],
        offset: int,
        timestamp: Optional[float] = None,
    ) -> Tuple[int, "DNSMessage"]:
        """(length, message) of the message at ``offset``. struct.error: malformed."""
        data = bytes(buffer[offset:])
        number, flags, *counts = cls.HEADER.unpack_from(data, 0)
        at = cls.HEADER.size
        questions: List[Question] = []
        sections: List[List[ResourceRecord]] = [[], [], []]
        for index in range(counts[0]):
            with _located(f"question #{index}"):
                name, at = _name_at(data, at)
                questions.append(Question(name, *Question.HEADER.unpack_from(data, at)))
                at += Question.HEADER.size
        for section, name, count in zip(sections, _SECTIONS, counts[1:]):
            for index in range(count):
                with _located(f"{name.rstrip('s')} #{index}"):
                    record, at = _record_at(data, at)
                    section.append(record)
        message = cls(
            number,
            not flags & 1 << 15,
            flags >> 11 & 0b1111,
            bool(flags & 1 << 10),
            bool(flags & 1 << 9),
            bool(flags & 1 << 8),
            bool(flags & 1 << 7),
            flags >> 4 & 0b111,
            flags & 0b1111,
            questions,
            sections[0],
            sections[1],
            sections[2],
            timestamp,
        )
        return at, message

    @property
    def packed(self) -> bytes:
        """The message as bytes, names uncompressed. ValueError: a value does not fit."""
        for key, limit in (("id", 65535), ("op_code", 15), ("reserved", 7), ("response_code", 15)):
            if not 0 <= getattr(self, key) <= limit:
                raise ValueError(f"DNS message's {key} {getattr(self, key)} is out of bounds.")
        flags = self.op_code << 11 | self.reserved << 4 | self.response_code
        flags |= (not self.query) << 15 | self.authoritative_answer << 10
        flags |= self.truncation << 9 | self.recursion_desired << 8
        flags |= self.recursion_available << 7
        sections = [getattr(self, key) for key in _SECTIONS]
        result = [
            self.HEADER.pack(self.id, flags, len(self.questions), *(len(s) for s in sections))
        ]
        for question in self.questions:
            result.append(domain_names.pack(question.name))
            result.append(Question.HEADER.pack(question.type, question.class_))
        for record in itertools.chain(*sections):
            result.append(domain_names.pack(record.name))
            result.append(
                ResourceRecord.HEADER.pack(record.type, record.class_, record.ttl, len(record.data))
            )
            result.append(record.data)
        return b"".join(result)

    def to_json(self) -> Dict[str, Any]:
        """A dict with names in place of numbers."""
        result: Dict[str, Any] = {
            "id": self.id,
            "query": self.query,
            "op_code": op_codes.to_str(self.op_code),
            "authoritative_answer": self.authoritative_answer,
            "truncation": self.truncation,
            "recursion_desired": self.recursion_desired,
            "recursion_available": self.recursion_available,
            "response_code": response_codes.to_str(self.response_code),
            "status_code": response_codes.http_equiv_status_code(self.response_code),
            "questions": [question.to_json() for question in self.questions],
        }
        for key in _SECTIONS:
            result[key] = [record.to_json() for record in getattr(self, key)]
        result["size"] = self.size
        if self.timestamp:
            result["timestamp"] = self.timestamp
        return result

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> "DNSMessage":
        """The inverse of ``to_json``."""
        return cls(
            data["id"],
            data["query"],
            op_codes.from_str(data["op_code"]),
            data["authoritative_answer"],
            data["truncation"],
            data["recursion_desired"],
            data["recursion_available"],
            0,
            response_codes.from_str(data["response_code"]),
            [Question.from_json(q) for q in data["questions"]],
            [ResourceRecord.from_json(r) for r in data["answers"]],
            [ResourceRecord.from_json(r) for r in data["authorities"]],
            [ResourceRecord.from_json(r) for r in data["additionals"]],
            data.get("timestamp"),
        )

    def copy(self) -> "DNSMessage":
        """A copy with a random id."""
        state = self.get_state()
        state["id"] = random.randrange(65536)
        return self.from_state(state)


class _located:
    """Prefixes errors in a part of a message with where it is."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, struct.error):
            raise struct.error(f"{self.place}: {error}") from error


def _name_at(data: bytes, at: int) -> Tuple[str, int]:
    name, length = domain_names.unpack_from(data, at)
    return name, at + length


def _record_at(data: bytes, at: int) -> Tuple[ResourceRecord, int]:
    name, at = _name_at(data, at)
    kind, class_, ttl, size = ResourceRecord.HEADER.unpack_from(data, at)
    at += ResourceRecord.HEADER.size
    content = data[at : at + size]
    if len(content) < size:
        raise struct.error(f"unpack requires a data buffer of {size} bytes")
    if kind in _NAME_TYPES:
        # A compressed name is of no use outside of its message.
        try:
            content = domain_names.pack(domain_names.unpack_from(data, at)[0])
        except (struct.error, ValueError):
            pass
    return ResourceRecord(name, kind, class_, ttl, content), at + size


class DNSFlow(flow.Flow):
    """A query and the response to it."""

    type = "dns"
    request: DNSMessage
    response: Optional[DNSMessage] = None
    _parts = {"request": DNSMessage, "response": DNSMessage}

    def __init__(
        self,
        client_conn: connection.Client,
        server_conn: connection.Server,
        live: bool = False,
    ) -> None:
        super().__init__(client_conn, server_conn, live)
        self.__dict__.update(request=None, response=None)
        self._seen.update(request=None, response=None)

    def __repr__(self) -> str:
        request = response = None
        if self.request:
            request = repr(self.request)
        if self.response:
            response = repr(self.response)
        return f"<DNSFlow\r\n  request={request}\r\n  response={response}\r\n>"
