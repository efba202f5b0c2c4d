"""A command of our own: `stats.hosts` lists how many requests each host got.

It can be called by other scripts, in the console after `:`, and bound to a key."""

import collections
from typing import Sequence

from mitmproxy import command, flow


class Stats:
    def __init__(self):
        self.hosts = collections.Counter()

    def request(self, flow):
        self.hosts[flow.request.host] += 1

    @command.command("stats.hosts")
    def list_hosts(self) -> Sequence[str]:
        """Hosts with the number of requests, most first."""
        return [f"{host}: {count}" for host, count in self.hosts.most_common()]

    @command.command("stats.note")
    def note(self, flows: Sequence[flow.Flow], text: str) -> None:
        """Write a comment to some flows."""
        for f in flows:
            f.comment = text


addons = [Stats()]
