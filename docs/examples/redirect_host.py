"""Send the requests for one host to another. The client does not notice."""


def request(flow):
    if flow.request.pretty_host == "production.example":
        flow.request.host = "127.0.0.1"
        flow.request.port = 8000
        flow.request.scheme = "http"
