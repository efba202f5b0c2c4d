"""Classes of resource records, by the names the IANA registry gives them."""

from typing import Dict

IN = 1
CH = 3
HS = 4
NONE = 254
ANY = 255

_INTS: Dict[str, int] = {k: v for k, v in globals().items() if isinstance(v, int)}
_STRINGS: Dict[int, str] = {v: k for k, v in _INTS.items()}


def to_str(class_: int) -> str:
    """The name of a number; ``CLASS(n)`` if it has none."""
    return _STRINGS.get(class_, f"CLASS({class_})")


def from_str(class_: str) -> int:
    """The number of a name, also of the form ``CLASS(n)``. ValueError: unknown."""
    if class_ in _INTS:
        return _INTS[class_]
    return int(class_.replace("CLASS(", "").replace(")", ""))
