"""Add a parameter to all requests, and take others out."""


def request(flow):
    query = flow.request.query
    query["from"] = "proxy"
    for name in [name for name in query if name.startswith("utm_")]:
        del query[name]
