"""Refuse requests to some hosts.

    midwire dump -s block_hosts.py --set blocked=ads.example --set blocked=track.example"""

from typing import Sequence

from mitmproxy import ctx, http


def load(loader):
    loader.add_option("blocked", Sequence[str], [], "Hosts that are refused.")


def request(flow):
    if flow.request.pretty_host in ctx.options.blocked:
        flow.response = http.Response.make(403, b"blocked\n", {"content-type": "text/plain"})
