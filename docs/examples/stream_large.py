"""Pass large responses on without keeping them; small ones are held for other hooks."""

LIMIT = 1_000_000


def responseheaders(flow):
    try:
        size = int(flow.response.headers.get("content-length", "0"))
    except ValueError:
        return
    if size > LIMIT:
        flow.response.stream = True
