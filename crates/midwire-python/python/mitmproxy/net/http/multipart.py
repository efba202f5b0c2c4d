"""Bodies of type multipart/form-data."""

import re
import warnings
from typing import List, Optional, Tuple
from urllib.parse import quote

from mitmproxy.net.http import headers

Part = Tuple[bytes, bytes]

_NAME = re.compile(rb'\bname="([^"]+)"')


def _boundary(content_type: Optional[str]) -> Optional[bytes]:
    parsed = headers.parse_content_type(content_type or "")
    if parsed is None:
        return None
    try:
        return parsed[2]["boundary"].encode("ascii")
    except (KeyError, UnicodeError):
        return None


def encode_multipart(content_type: str, parts: List[Part]) -> bytes:
    """The body that holds these (name, value) pairs; empty if the type has no boundary.

    ValueError: a value contains the boundary."""
    if not content_type:
        return b""
    parsed = headers.parse_content_type(content_type)
    if parsed is None:
        return b""
    raw = parsed[2].get("boundary")
    if raw is None:
        return b""
    boundary = quote(raw, safe="/").encode("ascii")
    lines: List[bytes] = []
    for name, value in parts:
        if not name:
            continue
        lines += [
            b"--%s" % boundary,
            b'Content-Disposition: form-data; name="%s"' % name,
            b"Content-Type: text/plain; charset=utf-8",
            b"",
            value,
        ]
        if b"--%s" % boundary in value:
            raise ValueError("boundary found in encoded string")
    lines += [b"--%s--" % boundary, b""]
    return b"\r\n".join(lines)


def decode_multipart(content_type: Optional[str], content: bytes) -> List[Part]:
    """The (name, value) pairs of a body; parts without a name are left out."""
    boundary = _boundary(content_type)
    if boundary is None:
        return []
    pairs: List[Part] = []
    for chunk in content.split(b"--" + boundary):
        lines = chunk.splitlines()
        if len(lines) < 2 or lines[0][:2] == b"--":
            continue
        found = _NAME.search(lines[1])
        if not found:
            continue
        body = lines[3 + lines[2:].index(b"") :] if b"" in lines[2:] else []
        pairs.append((found[1], b"".join(body)))
    return pairs


def encode(ct: str, parts: List[Part]) -> bytes:
    """Deprecated name of ``encode_multipart``."""
    warnings.warn("multipart.encode is now encode_multipart.", DeprecationWarning, stacklevel=2)
    return encode_multipart(ct, parts)


def decode(ct: Optional[str], content: bytes) -> List[Part]:
    """Deprecated name of ``decode_multipart``."""
    warnings.warn("multipart.decode is now decode_multipart.", DeprecationWarning, stacklevel=2)
    return decode_multipart(ct, content)
