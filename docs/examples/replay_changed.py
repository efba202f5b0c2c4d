"""Ask twice: replay each request with another path, beside the original."""

from mitmproxy import ctx


def request(flow):
    if flow.is_replay == "request":
        return
    copy = flow.copy()
    copy.request.path = "/again" + copy.request.path
    ctx.master.commands.call("replay.client", [copy])
