"""The types of options."""

import collections.abc
from typing import Any, Optional, Tuple, Union, get_args, get_origin

_NONE = type(None)


def _union(typeinfo: Any) -> Optional[Tuple[Any, ...]]:
    origin = get_origin(typeinfo)
    # ``str | None`` has an origin of its own since Python 3.10.
    if origin is Union or getattr(origin, "__name__", "") == "UnionType":
        return get_args(typeinfo)
    return None


def _is_sequence(typeinfo: Any) -> bool:
    return get_origin(typeinfo) is collections.abc.Sequence


def check_option_type(name: str, value: Any, typeinfo: Any) -> None:
    """Does a value fit the type of an option? TypeError: no."""
    problem = TypeError(f"Expected {typeinfo} for {name}, but got {type(value)}.")
    union = _union(typeinfo)
    if union is not None:
        for option in union:
            try:
                check_option_type(name, value, option)
                return
            except TypeError:
                continue
        raise problem
    if _is_sequence(typeinfo):
        if not isinstance(value, (list, tuple)):
            raise problem
        for item in value:
            check_option_type(name, item, get_args(typeinfo)[0])
        return
    if typeinfo is Any:
        return
    if not isinstance(value, typeinfo):
        raise problem


def typespec_to_str(typespec: Any) -> str:
    """How the type of an option is shown. NotImplementedError: not a type of options."""
    if typespec in (str, int, bool):
        return str(typespec.__name__)
    union = _union(typespec)
    if union is not None and set(union) in ({str, _NONE}, {int, _NONE}):
        return "optional " + ("str" if str in union else "int")
    if _is_sequence(typespec) and get_args(typespec) == (str,):
        return "sequence of str"
    raise NotImplementedError(f"options cannot have the type {typespec!r}")
