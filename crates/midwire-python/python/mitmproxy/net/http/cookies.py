"""The Cookie and Set-Cookie fields, read as leniently as browsers do (RFC 6265 section 5)."""

import email.utils
import re
import time
from typing import Any, Iterable, List, Optional, Sequence, Tuple

from mitmproxy.coretypes import multidict

Pair = Tuple[str, Optional[str]]
SetCookie = Tuple[str, Optional[str], "CookieAttrs"]

_QUOTE = re.compile(r"[\s\",;\\]|[\x00-\x1f\x7f]")
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ATTRIBUTES = {"expires", "path", "comment", "max-age", "secure", "httponly", "version"}


class CookieAttrs(multidict.MultiDict):
    """The attributes of a cookie: names without regard to case, ``None`` for bare flags."""

    @staticmethod
    def _kconv(key: Any) -> Any:
        return key.lower()

    @staticmethod
    def _reduce_values(values: Any) -> Any:
        # RFC 6265 section 5.3: the last attribute of a name counts.
        return values[-1]


class _Scanner:
    """Reads names and values from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def until(self, stops: str) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in stops:
            self.at += 1
        return self.text[start : self.at]

    def value(self, stops: str) -> str:
        if self.peek() == '"':
            return self.quoted()
        return self.until(stops)

    def quoted(self) -> str:
        self.at += 1
        start = self.at
        while self.at < len(self.text):
            if self.text[self.at] == "\\":
                self.at += 2
            elif self.text[self.at] == '"':
                break
            else:
                self.at += 1
        inner = self.text[start : self.at]
        self.at += 1
        return _ESCAPE.sub(r"\1", inner)


def _pairs_to_text(pairs: Iterable[Sequence[Optional[str]]], verbatim: Sequence[str] = ()) -> str:
    result = []
    for key, value in pairs:
        if value is None:
            result.append(str(key))
            continue
        if str(key).lower() not in verbatim and _QUOTE.search(value):
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            value = f'"{escaped}"'
        result.append(f"{key}={value}")
    return "; ".join(result)


def parse_cookie_header(line: str) -> List[List[str]]:
    """The [name, value] pairs of a Cookie field; a missing value is ``""``."""
    scanner = _Scanner(line)
    pairs: List[List[str]] = []
    while scanner.at < len(line):
        name = scanner.until(";=").lstrip()
        value = ""
        if scanner.peek() == "=":
            scanner.at += 1
            value = scanner.value(";")
        if name or value:
            pairs.append([name, value])
        scanner.until(";")
        scanner.at += 1
    return pairs


def parse_cookie_headers(cookie_headers: Iterable[str]) -> List[List[str]]:
    """The pairs of several Cookie fields."""
    return [pair for header in cookie_headers for pair in parse_cookie_header(header)]


def format_cookie_header(lst: Iterable[Sequence[Optional[str]]]) -> str:
    """The Cookie value for (name, value) pairs; quotes values where needed."""
    return _pairs_to_text(lst)


def _read_set_cookie(line: str) -> List[List[Pair]]:
    scanner = _Scanner(line)
    cookies: List[List[Pair]] = []
    pairs: List[Pair] = []
    while scanner.at < len(line):
        name = scanner.until(";=,").lstrip()
        value: Optional[str] = None
        if scanner.peek() == "=":
            scanner.at += 1
            value = scanner.value(";,")
            if name.lower() == "expires" and scanner.peek() == "," and len(value) <= 9:
                # The comma after the name of a week day does not separate cookies.
                value += scanner.peek()
                scanner.at += 1
                value += scanner.until(";,")
        if name or value:
            pairs.append((name, value))
        stop = scanner.peek()
        scanner.at += 1
        if stop == "," and pairs:
            cookies.append(pairs)
            pairs = []
        elif stop not in (";", ",", ""):
            scanner.until(";,")
    if pairs:
        cookies.append(pairs)
    return cookies


def parse_set_cookie_header(line: str) -> List[SetCookie]:
    """The cookies (name, value, attributes) of a Set-Cookie field, usually one."""
    return [
        (pairs[0][0], pairs[0][1], CookieAttrs(tuple(pairs[1:])))
        for pairs in _read_set_cookie(line)
    ]


def parse_set_cookie_headers(headers: Iterable[str]) -> List[SetCookie]:
    """The cookies of several Set-Cookie fields."""
    return [cookie for header in headers for cookie in parse_set_cookie_header(header)]


def format_set_cookie_header(set_cookies: Iterable[Any]) -> str:
    """The Set-Cookie value for cookies; attributes may be ``CookieAttrs`` or pairs."""
    result = []
    for name, value, attrs in set_cookies:
        fields = attrs.fields if hasattr(attrs, "fields") else attrs
        pairs = [(name, value), *fields]
        result.append(_pairs_to_text(pairs, verbatim=("expires", "path")))
    return ", ".join(result)


def refresh_set_cookie_header(c: str, delta: float) -> str:
    """A Set-Cookie value with its expiry moved by ``delta`` seconds.

    ValueError: the cookie has no name or no value. An unreadable expiry is dropped, as a
    browser would ignore it."""
    cookies = parse_set_cookie_header(c)
    for cookie in cookies:
        name, value, attrs = cookie
        if not name or not value:
            raise ValueError("Invalid Cookie")
        if "expires" not in attrs:
            continue
        parsed = email.utils.parsedate_tz(attrs["expires"] or "")
        if parsed:
            moment = email.utils.mktime_tz(parsed) + delta
            attrs.set_all("expires", [email.utils.formatdate(moment, usegmt=True)])
        else:
            del attrs["expires"]
    return format_set_cookie_header(cookies)


def get_expiration_ts(cookie_attrs: CookieAttrs) -> Optional[float]:
    """When a cookie expires (Unix seconds): by max-age from now, or by expires."""
    if "max-age" in cookie_attrs:
        try:
            return time.time() + int(cookie_attrs["max-age"])
        except (ValueError, TypeError):
            pass
    if cookie_attrs.get("expires"):
        parsed = email.utils.parsedate_tz(cookie_attrs["expires"])
        if parsed:
            return email.utils.mktime_tz(parsed)
    return None


def is_expired(cookie_attrs: CookieAttrs) -> bool:
    """Does a cookie with these attributes expire now or earlier?"""
    moment = get_expiration_ts(cookie_attrs)
    return moment is not None and moment <= time.time()


def group_cookies(pairs: Iterable[Pair]) -> List[SetCookie]:
    """Cookies from a flat list in which attributes follow their cookie."""
    cookies: List[SetCookie] = []
    name: Optional[str] = None
    value: Optional[str] = None
    attrs: List[Pair] = []
    for key, content in pairs:
        if name is not None and key.lower() in _ATTRIBUTES:
            attrs.append((key, content))
            continue
        if name is not None:
            cookies.append((name, value, CookieAttrs(attrs)))
        name, value, attrs = key, content, []
    if name is not None:
        cookies.append((name, value, CookieAttrs(attrs)))
    return cookies
