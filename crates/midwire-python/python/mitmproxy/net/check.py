"""Are host names and ports well formed?"""

import ipaddress
import re
from typing import Union

_LABEL = re.compile(rb"[A-Z\d\-_]{1,63}\Z", re.IGNORECASE)


def is_valid_host(host: Union[str, bytes]) -> bool:
    """Is this an IP address or a DNS name (each label 1 to 63 letters, digits, ``-``, ``_``)?"""
    if isinstance(host, str):
        try:
            name = host.encode("idna")
        except UnicodeError:
            return False
    else:
        name = host
    try:
        name.decode("idna")
    except (UnicodeError, ValueError):
        return False
    if len(name) > 255:
        return False
    labels = (name[:-1] if name.endswith(b".") else name).split(b".")
    if all(_LABEL.match(label) for label in labels):
        return True
    try:
        ipaddress.ip_address(name.decode("ascii"))
    except ValueError:
        return False
    return True


def is_valid_port(port: int) -> bool:
    """Is this a port number, 0 to 65535?"""
    return 0 <= port <= 65535
