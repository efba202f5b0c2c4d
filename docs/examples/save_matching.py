"""Save only what matches, as a flow file.

    midwire dump -s save_matching.py --set save_to=errors.flows"""

import os

from mitmproxy import ctx, flowfilter, io


class Save:
    def __init__(self):
        self.writer = None
        self.file = None

    def load(self, loader):
        loader.add_option("save_to", str, "", "The flow file.")

    def configure(self, updated):
        if "save_to" in updated and ctx.options.save_to:
            self.file = open(os.path.expanduser(ctx.options.save_to), "wb")
            self.writer = io.FilteredFlowWriter(self.file, flowfilter.parse("~c 500"))

    def response(self, flow):
        if self.writer is not None:
            self.writer.add(flow)
            self.file.flush()

    def done(self):
        if self.file is not None:
            self.file.close()


addons = [Save()]
