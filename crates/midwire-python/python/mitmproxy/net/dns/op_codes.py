"""Kinds of queries, by the names the IANA registry gives them."""

from typing import Dict

QUERY = 0
IQUERY = 1
STATUS = 2
NOTIFY = 4
UPDATE = 5
DSO = 6

_INTS: Dict[str, int] = {k: v for k, v in globals().items() if isinstance(v, int)}
_STRINGS: Dict[int, str] = {v: k for k, v in _INTS.items()}


def to_str(op_code: int) -> str:
    """The name of a number; ``OPCODE(n)`` if it has none."""
    return _STRINGS.get(op_code, f"OPCODE({op_code})")


def from_str(op_code: str) -> int:
    """The number of a name, also of the form ``OPCODE(n)``. ValueError: unknown."""
    if op_code in _INTS:
        return _INTS[op_code]
    return int(op_code.replace("OPCODE(", "").replace(")", ""))
