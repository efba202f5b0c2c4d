"""Commands of layers to the proxy; only hooks are of use to scripts."""

from typing import Any

from mitmproxy import hooks


class Command:
    """Something that a layer asks of the proxy."""

    blocking: Any = False


class StartHook(Command, hooks.Hook):
    """Run a hook."""

    name = ""
    blocking = True


class ConnectionCommand(Command):
    """A command about a connection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection


class SendData(ConnectionCommand):
    """Send bytes."""

    def __init__(self, connection: Any, data: bytes) -> None:
        super().__init__(connection)
        self.data = data


class OpenConnection(ConnectionCommand):
    """Connect."""

    blocking = True


class CloseConnection(ConnectionCommand):
    """Close a connection."""


class Log(Command):
    """Log a line."""

    def __init__(self, message: str, level: int = 20) -> None:
        self.message = message
        self.level = level
