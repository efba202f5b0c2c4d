"""Flow filter expressions such as ``~d example.com & ~m POST``."""

import functools
import os
import re
from typing import Any, Callable, ClassVar, List, Optional, Sequence, Tuple, Type, Union

from mitmproxy import dns, flow, http, tcp, udp
from mitmproxy.utils import human

_CASE = 0 if os.environ.get("MITMPROXY_CASE_SENSITIVE_FILTERS") == "1" else re.IGNORECASE
_MAX_DEPTH = 100

_ASSETS = [
    re.compile(pattern)
    for pattern in (
        rb"text/javascript",
        rb"application/x-javascript",
        rb"application/javascript",
        rb"text/css",
        rb"image/.*",
        rb"font/.*",
        rb"application/font.*",
    )
]


class TFilter:
    """A parsed filter: call it with a flow."""

    pattern: str = ""

    def __call__(self, f: flow.Flow) -> Any:
        raise NotImplementedError


class _Operator(TFilter):
    """A ``~name`` operator."""

    code: ClassVar[str]
    help: ClassVar[str]
    types: ClassVar[Optional[Tuple[Type[flow.Flow], ...]]] = None
    """The flows it can match; ``None``: all."""

    def __call__(self, f: flow.Flow) -> Any:
        if self.types is not None and not isinstance(f, self.types):
            return False
        return self.match(f)

    def match(self, f: Any) -> Any:
        """Does a flow of the right type match?"""
        raise NotImplementedError


class _Rex(_Operator):
    """An operator with a regular expression."""

    flags: ClassVar[int] = 0
    is_binary: ClassVar[bool] = True

    def __init__(self, expr: str) -> None:
        self.expr = expr
        pattern: Any = expr.encode() if self.is_binary else expr
        self.re: Any = re.compile(pattern, self.flags | _CASE)

    def search(self, subject: Any) -> bool:
        """Is the expression somewhere in the subject?"""
        return bool(subject) and bool(self.re.search(subject))


class _Int(_Operator):
    """An operator with a number."""

    def __init__(self, num: str) -> None:
        self.num = int(num)


_HTTP = (http.HTTPFlow,)
_QUERIES = (http.HTTPFlow, dns.DNSFlow)
_STREAMS = (tcp.TCPFlow, udp.UDPFlow)


class FAll(_Operator):
    code, help = "all", "Match all flows"

    def match(self, f: Any) -> bool:
        return True


class FAsset(_Operator):
    code, help = "a", "Match asset in response: CSS, JavaScript, images, fonts."
    types = _HTTP

    def match(self, f: Any) -> bool:
        if not f.response:
            return False
        kind = _field(f.response, b"content-type")
        return any(pattern.search(kind) for pattern in _ASSETS)


class FErr(_Operator):
    code, help = "e", "Match error"

    def match(self, f: Any) -> bool:
        return bool(f.error)


class FMarked(_Operator):
    code, help = "marked", "Match marked flows"

    def match(self, f: Any) -> bool:
        return bool(f.marked)


class FHTTP(_Operator):
    code, help = "http", "Match HTTP flows"
    types = _HTTP

    def match(self, f: Any) -> bool:
        return True


class FWebSocket(_Operator):
    code, help = "websocket", "Match WebSocket flows"
    types = _HTTP

    def match(self, f: Any) -> bool:
        return f.websocket is not None


class FTCP(_Operator):
    code, help = "tcp", "Match TCP flows"
    types = (tcp.TCPFlow,)

    def match(self, f: Any) -> bool:
        return True


class FUDP(_Operator):
    code, help = "udp", "Match UDP flows"
    types = (udp.UDPFlow,)

    def match(self, f: Any) -> bool:
        return True


class FDNS(_Operator):
    code, help = "dns", "Match DNS flows"
    types = (dns.DNSFlow,)

    def match(self, f: Any) -> bool:
        return True


class FReq(_Operator):
    code, help = "q", "Match request with no response"
    types = _QUERIES

    def match(self, f: Any) -> bool:
        return not f.response


class FResp(_Operator):
    code, help = "s", "Match response"
    types = _QUERIES

    def match(self, f: Any) -> bool:
        return bool(f.response)


class FReplay(_Operator):
    code, help = "replay", "Match replayed flows"

    def match(self, f: Any) -> bool:
        return f.is_replay is not None


class FReplayClient(_Operator):
    code, help = "replayq", "Match replayed client request"

    def match(self, f: Any) -> bool:
        return bool(f.is_replay == "request")


class FReplayServer(_Operator):
    code, help = "replays", "Match replayed server response"

    def match(self, f: Any) -> bool:
        return bool(f.is_replay == "response")


def _field(message: Any, name: bytes) -> bytes:
    for key, value in message.headers.fields:
        if key.lower() == name:
            return bytes(value)
    return b""


class _Types(_Rex):
    types = _HTTP
    sides: ClassVar[Sequence[str]] = ()

    def match(self, f: Any) -> bool:
        for side in self.sides:
            message = getattr(f, side)
            for name, value in message.headers.fields if message else ():
                if name.lower() == b"content-type" and self.re.search(value):
                    return True
        return False


class FContentType(_Types):
    code, help = "t", "Content-type header"
    sides = ("request", "response")


class FContentTypeRequest(_Types):
    code, help = "tq", "Request Content-Type header"
    sides = ("request",)


class FContentTypeResponse(_Types):
    code, help = "ts", "Response Content-Type header"
    sides = ("response",)


class _Head(_Rex):
    types = _HTTP
    flags = re.MULTILINE
    sides: ClassVar[Sequence[str]] = ()

    def match(self, f: Any) -> bool:
        messages = [getattr(f, side) for side in self.sides]
        return any(message and self.re.search(bytes(message.headers)) for message in messages)


class FHead(_Head):
    code, help = "h", "Header"
    sides = ("request", "response")


class FHeadRequest(_Head):
    code, help = "hq", "Request header"
    sides = ("request",)


class FHeadResponse(_Head):
    code, help = "hs", "Response header"
    sides = ("response",)


class _Body(_Rex):
    types = (*_QUERIES, *_STREAMS)
    flags = re.DOTALL
    sides: ClassVar[Sequence[str]] = ("request", "response")

    def match(self, f: Any) -> bool:
        if isinstance(f, dns.DNSFlow):
            # A message without records is an empty text, which may match as well.
            return any(self.re.search(subject) for subject in self._subjects(f))
        return any(self.search(subject) for subject in self._subjects(f))

    def _subjects(self, f: Any) -> List[bytes]:
        if isinstance(f, _STREAMS):
            return self._contents(f.messages)
        messages = [m for m in (getattr(f, side) for side in self.sides) if m]
        if isinstance(f, dns.DNSFlow):
            return [str(message).encode() for message in messages]
        bodies = [message.get_content(strict=False) or b"" for message in messages]
        if f.websocket:
            bodies += self._contents(f.websocket.messages)
        return bodies

    def _contents(self, messages: Sequence[Any]) -> List[bytes]:
        return [
            m.content
            for m in messages
            if ("request" if m.from_client else "response") in self.sides
        ]


class FBod(_Body):
    code, help = "b", "Body"


class FBodRequest(_Body):
    code, help = "bq", "Request body"
    sides = ("request",)


class FBodResponse(_Body):
    code, help = "bs", "Response body"
    sides = ("response",)


class FMethod(_Rex):
    code, help = "m", "Method"
    types = _HTTP

    def match(self, f: Any) -> bool:
        return bool(self.re.search(f.request.data.method))


class FDomain(_Rex):
    code, help = "d", "Domain"
    types = _HTTP
    is_binary = False

    def match(self, f: Any) -> bool:
        request = f.request
        return bool(self.re.search(request.host) or self.re.search(request.pretty_host))


class FUrl(_Rex):
    code, help = "u", "URL"
    types = _QUERIES
    is_binary = False

    def match(self, f: Any) -> bool:
        if not f.request:
            return False
        if isinstance(f, dns.DNSFlow):
            return bool(f.request.questions) and self.search(f.request.questions[0].name)
        return bool(self.re.search(f.request.pretty_url))


class FSrc(_Rex):
    code, help = "src", "Match source address"
    is_binary = False

    def match(self, f: Any) -> bool:
        if not f.client_conn or not f.client_conn.peername:
            return False
        return self.search(human.format_address(f.client_conn.peername))


class FDst(_Rex):
    code, help = "dst", "Match destination address"
    is_binary = False

    def match(self, f: Any) -> bool:
        if not f.server_conn or not f.server_conn.address:
            return False
        return self.search(human.format_address(f.server_conn.address))


class FMeta(_Rex):
    code, help = "meta", "Flow metadata"
    flags = re.MULTILINE
    is_binary = False

    def match(self, f: Any) -> bool:
        lines = "\n".join(f"{key}: {value}" for key, value in f.metadata.items())
        return bool(self.re.search(lines))


class FMarker(_Rex):
    code, help = "marker", "Match marked flows with specified marker"
    is_binary = False

    def match(self, f: Any) -> bool:
        return bool(self.re.search(f.marked))


class FComment(_Rex):
    code, help = "comment", "Flow comment"
    flags = re.MULTILINE
    is_binary = False

    def match(self, f: Any) -> bool:
        return bool(self.re.search(f.comment))


class FCode(_Int):
    code, help = "c", "HTTP response code"
    types = _HTTP

    def match(self, f: Any) -> bool:
        return bool(f.response and f.response.status_code == self.num)


class FAnd(TFilter):
    """All of several filters."""

    def __init__(self, lst: Sequence[TFilter]) -> None:
        self.lst = list(lst)

    def __call__(self, f: flow.Flow) -> bool:
        return all(item(f) for item in self.lst)


class FOr(TFilter):
    """Any of several filters."""

    def __init__(self, lst: Sequence[TFilter]) -> None:
        self.lst = list(lst)

    def __call__(self, f: flow.Flow) -> bool:
        return any(item(f) for item in self.lst)


class FNot(TFilter):
    """The contrary of a filter."""

    def __init__(self, itm: TFilter) -> None:
        self.itm = itm

    def __call__(self, f: flow.Flow) -> bool:
        return not self.itm(f)


filter_unary: Sequence[Type[_Operator]] = [
    FAsset,
    FErr,
    FHTTP,
    FMarked,
    FReplay,
    FReplayClient,
    FReplayServer,
    FReq,
    FResp,
    FTCP,
    FUDP,
    FDNS,
    FWebSocket,
    FAll,
]
filter_rex: Sequence[Type[_Rex]] = [
    FBod,
    FBodRequest,
    FBodResponse,
    FContentType,
    FContentTypeRequest,
    FContentTypeResponse,
    FDomain,
    FDst,
    FHead,
    FHeadRequest,
    FHeadResponse,
    FMethod,
    FSrc,
    FUrl,
    FMeta,
    FMarker,
    FComment,
]
filter_int: Sequence[Type[_Int]] = [FCode]

_UNARY = {kind.code: kind for kind in filter_unary}
_REX = {kind.code: kind for kind in filter_rex}
_INT = {kind.code: kind for kind in filter_int}

_SPACE = re.compile(r"\s*")
# A name ends at a blank or the end of the text; nothing printable may follow at once.
_NAME = re.compile(r"~([a-z]+)(?![!-\x7e])")
_WORD = re.compile(r"""[^()~'"\s]+""")
_NUMBER = re.compile(r"[0-9]+")
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_CONTROL = {"n": "\n", "t": "\t", "f": "\f", "r": "\r"}


class _Syntax(Exception):
    """The expression cannot be read on here."""


class _Parser:
    """Recursive descent over the grammar of filters.

    A lone ``!``, ``&`` or ``|`` is a regular expression wherever it cannot be an operator,
    therefore the parser goes back to a mark when an operand is missing."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def whole(self) -> TFilter:
        terms = [self.either()]
        while not self.done():
            terms.append(self.either())
        return terms[0] if len(terms) == 1 else FAnd(terms)

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        if found:
            self.at = found.end()

    def done(self) -> bool:
        self.skip()
        return self.at >= len(self.text)

    def peek(self) -> str:
        self.skip()
        return self.text[self.at : self.at + 1]

    def either(self) -> TFilter:
        return self.chain("|", self.both, FOr)

    def both(self) -> TFilter:
        return self.chain("&", self.negated, FAnd)

    def chain(self, sign: str, operand: Callable[[], TFilter], kind: Any) -> TFilter:
        terms = [operand()]
        while self.peek() == sign:
            mark = self.at
            self.at += 1
            try:
                terms.append(operand())
            except _Syntax:
                self.at = mark
                break
        return terms[0] if len(terms) == 1 else kind(terms)  # type: ignore[no-any-return]

    def negated(self) -> TFilter:
        if self.peek() != "!":
            return self.atom()
        mark = self.at
        self.at += 1
        self.enter()
        try:
            return FNot(self.negated())
        except _Syntax:
            self.at = mark
            return self.atom()
        finally:
            self.depth -= 1

    def enter(self) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError("filter expression is nested too deep")

    def atom(self) -> TFilter:
        char = self.peek()
        if char == "~":
            return self.operator()
        if char == "(":
            self.at += 1
            self.enter()
            inner = self.either()
            self.depth -= 1
            if self.peek() != ")":
                raise _Syntax
            self.at += 1
            return inner
        return FUrl(self.regex())

    def operator(self) -> TFilter:
        found = _NAME.match(self.text, self.at)
        if not found:
            raise _Syntax
        name = found[1]
        self.at = found.end()
        if name in _UNARY:
            return _UNARY[name]()
        if name in _REX:
            return _REX[name](self.regex())
        if name in _INT:
            self.skip()
            number = _NUMBER.match(self.text, self.at)
            if not number:
                raise _Syntax
            self.at = number.end()
            return _INT[name](number[0])
        raise _Syntax

    def regex(self) -> str:
        self.skip()
        quoted = _QUOTED.match(self.text, self.at)
        if quoted:
            self.at = quoted.end()
            inner = quoted[1] if quoted[1] is not None else quoted[2]
            return _ESCAPE.sub(lambda m: _CONTROL.get(m[1], m[1]), inner)
        word = _WORD.match(self.text, self.at)
        if not word:
            raise _Syntax
        self.at = word.end()
        return word[0]


@functools.lru_cache(maxsize=256)
def parse(s: str) -> TFilter:
    """Parse a filter expression. ValueError: empty or invalid."""
    if not s:
        raise ValueError("Empty filter expression")
    try:
        result = _Parser(s).whole()
    except (_Syntax, re.error, ValueError, RecursionError, OverflowError) as error:
        raise ValueError(f"Invalid filter expression: {s!r}") from error
    result.pattern = s
    return result


def match(flt: Union[str, TFilter, None], flow: flow.Flow) -> bool:
    """Does a flow match a filter (text or parsed; ``None`` matches all)?

    ValueError: the text is no valid filter."""
    if isinstance(flt, str):
        flt = parse(flt)
    if flt is not None:
        return bool(flt(flow))
    return True


class _MatchAll(TFilter):
    def __call__(self, f: flow.Flow) -> bool:
        return True


match_all: TFilter = _MatchAll()
"""A filter that every flow matches."""

help: List[Tuple[str, str]] = sorted(
    [(f"~{kind.code}", kind.help) for kind in filter_unary]
    + [(f"~{kind.code} regex", kind.help) for kind in filter_rex]
    + [(f"~{kind.code} int", kind.help) for kind in filter_int]
) + [("!", "unary not"), ("&", "and"), ("|", "or"), ("(...)", "grouping")]
"""(syntax, meaning) of all operators."""
