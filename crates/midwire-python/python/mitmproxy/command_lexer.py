"""Command lines: how they are cut into words."""

import re
from typing import List

_TOKEN = re.compile(r""""[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|[ \t\r\n]+|[^'" \t\r\n]+""")


def split(line: str) -> List[str]:
    """All tokens, blanks included; together they are the line."""
    return _TOKEN.findall(line)


def words(line: str) -> List[str]:
    """The words without quotes."""
    return [unquote(token) for token in split(line) if not token.isspace()]


def quote(val: str) -> str:
    """The word in such a form that it is read back as one word."""
    if val and not re.search(r"""['" \t\r\n]""", val):
        return val
    if '"' not in val:
        return f'"{val}"'
    if "'" not in val:
        return f"'{val}'"
    escaped = val.replace('"', r"\x22")
    return f'"{escaped}"'


def unquote(x: str) -> str:
    """The word without a pair of quotes around it."""
    if len(x) >= 2 and x[0] in "'\"" and x[0] == x[-1]:
        return x[1:-1]
    return x
