"""Call something slow that knows nothing of asyncio: in a thread, while other flows go on."""

import time

from mitmproxy.script import concurrent


@concurrent
def request(flow):
    time.sleep(0.01)
    flow.request.headers["x-waited"] = "yes"
