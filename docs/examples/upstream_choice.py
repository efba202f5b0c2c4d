"""Choose another proxy for some hosts, in upstream mode or any other."""

from mitmproxy.net import server_spec

INSIDE = (".corp.example",)
PROXY = server_spec.parse("http://127.0.0.1:3128", default_scheme="http")


def server_connect(data):
    host = data.server.address[0]
    if host.endswith(INSIDE):
        data.server.via = PROXY
