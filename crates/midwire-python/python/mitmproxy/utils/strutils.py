"""Text and bytes."""

import codecs
import re
from typing import Any, Iterator, Optional, Tuple, Union

_CONTROLS = {code: "." for code in (*range(32), 127)}
_CONTROLS_KEEP_SPACING = {c: d for c, d in _CONTROLS.items() if c not in (9, 10, 13)}
_SPACING = {"\\n": "\n", "\\r": "\r", "\\t": "\t"}


def always_bytes(str_or_bytes: Union[None, str, bytes], *encode_args: Any) -> Optional[bytes]:
    """Bytes from text or bytes; ``None`` stays. TypeError: neither."""
    if str_or_bytes is None or isinstance(str_or_bytes, bytes):
        return str_or_bytes
    if isinstance(str_or_bytes, str):
        return str_or_bytes.encode(*encode_args)
    raise TypeError(f"Expected str or bytes, but got {type(str_or_bytes).__name__}.")


def always_str(str_or_bytes: Union[None, str, bytes], *decode_args: Any) -> Optional[str]:
    """Text from text or bytes; ``None`` stays. TypeError: neither."""
    if str_or_bytes is None or isinstance(str_or_bytes, str):
        return str_or_bytes
    if isinstance(str_or_bytes, bytes):
        return str_or_bytes.decode(*decode_args)
    raise TypeError(f"Expected str or bytes, but got {type(str_or_bytes).__name__}.")


def escape_control_characters(text: str, keep_spacing: bool = True) -> str:
    """ASCII control characters become dots; tabs and line ends stay with ``keep_spacing``."""
    if not isinstance(text, str):
        raise ValueError(f"text type must be unicode but is {type(text).__name__}")
    return text.translate(_CONTROLS_KEEP_SPACING if keep_spacing else _CONTROLS)


def bytes_to_escaped_str(
    data: bytes, keep_spacing: bool = False, escape_single_quotes: bool = False
) -> str:
    """Bytes as ASCII text with Python escapes; the inverse of ``escaped_str_to_bytes``."""
    if not isinstance(data, bytes):
        raise ValueError(f"data must be bytes, but is {type(data).__name__}")
    # A leading double quote makes repr leave both kinds of quotes alone.
    text = repr(b'"' + data)[3:-1]
    if not escape_single_quotes:
        text = re.sub(r"(?<!\\)((?:\\\\)*)\\'", r"\1'", text)
    if keep_spacing:
        text = re.sub(r"(?<!\\)((?:\\\\)*)(\\[nrt])", lambda m: m[1] + _SPACING[m[2]], text)
    return text


def escaped_str_to_bytes(data: str) -> bytes:
    """Bytes from text with Python escapes. ValueError: not text or a bad escape."""
    if not isinstance(data, str):
        raise ValueError(f"data must be str, but is {type(data).__name__}")
    return codecs.escape_decode(data.encode())[0]  # type: ignore[attr-defined,no-any-return]


def is_mostly_bin(s: bytes) -> bool:
    """Are 30 % or more of the first hundred bytes not text?"""
    if not s:
        return False
    # The cut may go through a character, so up to three bytes more are looked at.
    for end in range(100, min(len(s), 104)):
        if s[end] >> 6 != 0b10:
            head = s[:end]
            break
    else:
        head = s[:100]
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        bad = sum(1 for byte in head if byte < 9 or 13 < byte < 32 or byte > 126)
        return bad / len(head) >= 0.3
    bad = sum(1 for char in text if not char.isprintable() and char not in "\t\n\r\v\f")
    return bad / len(text) >= 0.3


def is_xml(s: bytes) -> bool:
    """Does this begin with ``<``, blanks aside?"""
    return s.lstrip()[:1] == b"<"


def clean_hanging_newline(t: str) -> str:
    """The text without one line end at its end."""
    return t[:-1] if t.endswith("\n") else t


def hexdump(s: bytes) -> Iterator[Tuple[str, str, str]]:
    """(offset, hex bytes, readable characters) for each 16 bytes."""
    for offset in range(0, len(s), 16):
        part = s[offset : offset + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{offset:0=10x}", " ".join(f"{byte:0=2x}" for byte in part).ljust(47), shown


def cut_after_n_lines(content: str, n: int) -> str:
    """The first ``n`` lines."""
    if n <= 0:
        raise ValueError("the number of lines must be positive")
    at = -1
    for _ in range(n):
        at = content.find("\n", at + 1)
        if at < 0:
            return content
    return content[: at + 1]
