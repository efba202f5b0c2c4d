"""Addons that scripts may import. The built-in ones are part of the core."""

from typing import Any, List


def default_addons() -> List[Any]:
    """The built-in addons are not Python objects here, so the list is empty."""
    return []
