"""What the hooks about connections get."""

from mitmproxy import connection


class ServerConnectionHookData:
    """The argument of ``server_connect`` and its relatives."""

    def __init__(self, server: connection.Server, client: connection.Client) -> None:
        self.server = server
        self.client = client
