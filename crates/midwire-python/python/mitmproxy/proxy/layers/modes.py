"""Layers of proxy modes, and what the SOCKS hook gets."""

from typing import Any

from mitmproxy import connection


class Socks5AuthData:
    """The argument of ``socks5_auth``: set ``valid`` to accept."""

    def __init__(
        self, client_conn: connection.Client, username: str, password: str, valid: bool = False
    ) -> None:
        self.client_conn = client_conn
        self.username = username
        self.password = password
        self.valid = valid


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    raise AttributeError(
        f"mitmproxy.proxy.layers.modes.{name} is not available to scripts: proxy modes are "
        "handled by midwire. Set the option mode instead."
    )
