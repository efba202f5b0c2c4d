"""Sizes, durations, times and addresses for people."""

import datetime
import functools
import ipaddress
import time
from typing import Any, Optional

SIZE_UNITS = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def pretty_size(size: int) -> str:
    """A number of bytes with at most three significant digits: ``27b``, ``1.5k``, ``100k``."""
    unit, factor = "b", 1
    for name, value in SIZE_UNITS.items():
        unit, factor = name, value
        if size / value < 1024:
            break
    number = size / factor
    if factor == 1 or number >= 99.95:
        return f"{number:.0f}{unit}"
    return f"{number:.1f}{unit}"


@functools.lru_cache(maxsize=128)
def parse_size(s: Optional[str]) -> Optional[int]:
    """A number of bytes from ``12``, ``5k``, ``1m`` ...; ``None`` stays ``None``.

    ValueError: malformed."""
    if s is None:
        return None
    try:
        return int(s)
    except ValueError:
        pass
    factor = SIZE_UNITS.get(s[-1:])
    try:
        if factor is None:
            raise ValueError
        return int(s[:-1]) * factor
    except ValueError:
        raise ValueError("Invalid size specification.") from None


def pretty_duration(secs: Optional[float]) -> str:
    """Seconds with three significant digits: ``12ms``, ``1.23s``, ``12.3s``; None: empty."""
    if secs is None:
        return ""
    if secs >= 100:
        return f"{secs:.0f}s"
    if secs >= 10:
        return f"{secs:.1f}s"
    if secs >= 1:
        return f"{secs:.2f}s"
    return f"{secs * 1000:.0f}ms"


def format_timestamp(s: Optional[float]) -> str:
    """Local time of Unix seconds, to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(s))


def format_timestamp_with_milli(s: float) -> str:
    """Local time of Unix seconds, to the millisecond."""
    return datetime.datetime.fromtimestamp(s).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


@functools.lru_cache(maxsize=1024)
def format_address(address: Optional[Any]) -> str:
    """``host:port`` with brackets around IPv6 addresses; ``*`` for all addresses."""
    if address is None:
        return "<no address>"
    host, port = address[0], address[1]
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return f"{host}:{port}"
    if ip.is_unspecified:
        return f"*:{port}"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return f"[{ip}]:{port}"
        return f"{ip.ipv4_mapped}:{port}"
    return f"{ip}:{port}"
