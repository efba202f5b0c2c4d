"""Write one line of JSON for each exchange, for jq and the like.

    midwire dump -s json_lines.py --set json_file=traffic.jsonl"""

import json

from mitmproxy import ctx


class JsonLines:
    def __init__(self):
        self.file = None

    def load(self, loader):
        loader.add_option("json_file", str, "", "Where lines go.")

    def configure(self, updated):
        if "json_file" in updated and ctx.options.json_file:
            self.done()
            self.file = open(ctx.options.json_file, "a", encoding="utf-8")

    def response(self, flow):
        if self.file is None:
            return
        line = {
            "time": flow.request.timestamp_start,
            "client": flow.client_conn.peername[0],
            "method": flow.request.method,
            "url": flow.request.pretty_url,
            "status": flow.response.status_code,
            "fields": list(flow.response.headers.items(multi=True)),
            "bytes": len(flow.response.raw_content or b""),
        }
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def done(self):
        if self.file is not None:
            self.file.close()
            self.file = None


addons = [JsonLines()]
