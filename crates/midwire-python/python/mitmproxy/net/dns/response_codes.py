"""Results of queries, by the names the IANA registry gives them."""

from typing import Dict

NOERROR = 0
FORMERR = 1
SERVFAIL = 2
NXDOMAIN = 3
NOTIMP = 4
REFUSED = 5
YXDOMAIN = 6
YXRRSET = 7
NXRRSET = 8
NOTAUTH = 9
NOTZONE = 10
DSOTYPENI = 11

_INTS: Dict[str, int] = {k: v for k, v in globals().items() if isinstance(v, int)}
_STRINGS: Dict[int, str] = {v: k for k, v in _INTS.items()}


def to_str(response_code: int) -> str:
    """The name of a number; ``RCODE(n)`` if it has none."""
    return _STRINGS.get(response_code, f"RCODE({response_code})")


def from_str(response_code: str) -> int:
    """The number of a name, also of the form ``RCODE(n)``. ValueError: unknown."""
    if response_code in _INTS:
        return _INTS[response_code]
    return int(response_code.replace("RCODE(", "").replace(")", ""))


_HTTP: Dict[int, int] = {
    0: 200,
    1: 400,
    2: 500,
    3: 404,
    4: 501,
    5: 403,
    6: 409,
    7: 409,
    8: 410,
    9: 401,
    10: 404,
    11: 501,
}


def http_equiv_status_code(response_code: int) -> int:
    """The HTTP status code that says much the same."""
    return _HTTP.get(response_code, 500)
