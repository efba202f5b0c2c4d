"""Number the responses: each gets a field that says how many there were."""


class Counter:
    def __init__(self):
        self.seen = 0

    def response(self, flow):
        self.seen += 1
        flow.response.headers["x-count"] = str(self.seen)


addons = [Counter()]
