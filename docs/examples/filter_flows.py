"""Mark what matches a filter expression, in the language of the interfaces.

    midwire dump -s filter_flows.py --set mark_filter='~c 500'"""

from mitmproxy import ctx, exceptions, flowfilter


class Marker:
    def __init__(self):
        self.filter = None

    def load(self, loader):
        loader.add_option("mark_filter", str, "~all", "Which flows are marked.")

    def configure(self, updated):
        if "mark_filter" in updated:
            try:
                self.filter = flowfilter.parse(ctx.options.mark_filter)
            except ValueError as error:
                raise exceptions.OptionsError(str(error)) from error

    def response(self, flow):
        if flowfilter.match(self.filter, flow):
            flow.marked = ":warning:"


addons = [Marker()]
