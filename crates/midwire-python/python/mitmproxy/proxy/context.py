"""The surroundings of a connection that hooks are given."""

from typing import Any, List

from mitmproxy import connection


class Context:
    """The client, the server, the options and the layers that handle a connection."""

    client: connection.Client
    server: connection.Server
    layers: List[Any]

    def __init__(self, client: connection.Client, options: Any) -> None:
        self.client = client
        self.options = options
        self.server = connection.Server(address=None, transport_protocol=client.transport_protocol)
        self.layers = []

    def fork(self) -> "Context":
        """A context with the same connections and a list of layers of its own."""
        other = Context(self.client, self.options)
        other.server = self.server
        other.layers = self.layers.copy()
        return other

    def __repr__(self) -> str:
        return f"Context(\n  {self.client!r},\n  {self.server!r},\n  layers=[{self.layers!r}]\n)"
