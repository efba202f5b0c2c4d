"""An option with a type and a check: a wrong value is refused, and the old one stays.

    midwire dump -s typed_option.py --set delay_percent=20"""

from typing import Optional

from mitmproxy import ctx, exceptions


def load(loader):
    loader.add_option("delay_percent", Optional[int], None, "Share of flows that are marked.")


def configure(updated):
    percent = ctx.options.delay_percent
    if "delay_percent" in updated and percent is not None and not 0 <= percent <= 100:
        raise exceptions.OptionsError("delay_percent must be between 0 and 100")


def request(flow):
    flow.comment = f"{ctx.options.delay_percent} percent"
