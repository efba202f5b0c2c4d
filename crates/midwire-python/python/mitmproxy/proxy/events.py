"""Events of the proxy for layers; here for annotations only."""

from typing import Any


class Event:
    """Something that happened."""


class Start(Event):
    """A layer begins."""


class ConnectionEvent(Event):
    """Something happened on a connection."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection


class DataReceived(ConnectionEvent):
    """Bytes came."""

    def __init__(self, connection: Any, data: bytes) -> None:
        super().__init__(connection)
        self.data = data


class ConnectionClosed(ConnectionEvent):
    """The other side closed."""
