"""Change content while it passes, piece by piece, without holding it.

A function is called for each piece, and at the end once with nothing."""


def responseheaders(flow):
    if "text" in flow.response.headers.get("content-type", ""):
        flow.response.stream = shout


def shout(data):
    return data.upper()
