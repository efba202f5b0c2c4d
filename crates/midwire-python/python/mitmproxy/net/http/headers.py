"""The content-type field and the charset of content."""

import re
from typing import Dict, Optional, Tuple

_BOMS = (
    (b"\x00\x00\xfe\xff", "utf-32be"),
    (b"\xff\xfe\x00\x00", "utf-32le"),
    (b"\xfe\xff", "utf-16be"),
    (b"\xff\xfe", "utf-16le"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
_META = re.compile(rb"""<meta[^>]+charset=['"]?([^'">]+)""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml[^\?>]+encoding=['"]([^'"\?>]+)""", re.IGNORECASE)
_CSS = re.compile(rb"""@charset "([^"]+)";""", re.IGNORECASE)
_GB = ("gb2312", "gbk")


def parse_content_type(c: str) -> Optional[Tuple[str, str, Dict[str, str]]]:
    """(type, subtype, parameters) in lower case (values as given); ``None`` if malformed."""
    head, *params = c.split(";")
    main, slash, sub = head.partition("/")
    if not slash:
        return None
    found: Dict[str, str] = {}
    for param in params:
        key, equals, value = param.partition("=")
        if equals:
            found[key.strip()] = value.strip()
    return main.lower(), sub.lower(), found


def assemble_content_type(type: str, subtype: str, parameters: Dict[str, str]) -> str:
    """The content-type value with these parts."""
    if not parameters:
        return f"{type}/{subtype}"
    params = "; ".join(f"{key}={value}" for key, value in parameters.items())
    return f"{type}/{subtype}; {params}"


def infer_content_encoding(content_type: str, content: bytes = b"") -> str:
    """The charset of content: by its mark, the field, or what the text itself declares."""
    for mark, name in _BOMS:
        if content.startswith(mark):
            return name
    charset = _declared(content_type, content) or "latin-1"
    # Pages that declare the older sets use characters of the newest in practice.
    return "gb18030" if charset.lower() in _GB else charset


def _declared(content_type: str, content: bytes) -> Optional[str]:
    parsed = parse_content_type(content_type)
    if parsed is not None:
        charset = parsed[2].get("charset")
        if charset:
            return charset
    if "json" in content_type:
        return "utf8"
    if "html" in content_type:
        return _inside(_META, content)
    if "xml" in content_type:
        return _inside(_XML, content)
    if "javascript" in content_type or "ecmascript" in content_type:
        return "utf8"
    if "text/css" in content_type:
        found = _CSS.match(content)
        return found[1].decode("ascii", "ignore") if found else "utf8"
    return None


def _inside(pattern: "re.Pattern[bytes]", content: bytes) -> str:
    found = pattern.search(content)
    return found[1].decode("ascii", "ignore") if found else "utf8"
