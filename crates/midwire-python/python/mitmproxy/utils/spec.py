"""Specifications of the form ``[/flow-filter]/subject/replacement``."""

from typing import Tuple

from mitmproxy import flowfilter


def parse_spec(option: str) -> Tuple[flowfilter.TFilter, str, str]:
    """(filter, subject, replacement); the first character is the separator.

    ValueError: malformed."""
    parts = option[1:].split(option[:1], 2) if option else []
    if len(parts) == 2:
        return flowfilter.match_all, parts[0], parts[1]
    if len(parts) == 3:
        return flowfilter.parse(parts[0]), parts[1], parts[2]
    raise ValueError("Invalid number of parameters (2 or 3 are expected)")
