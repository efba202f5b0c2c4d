"""Show CSV as a table: a content view of our own."""

import csv
import io

from mitmproxy import contentviews


class CsvContentview(contentviews.Contentview):
    name = "CSV"
    syntax_highlight = "none"

    def prettify(self, data, metadata):
        rows = list(csv.reader(io.StringIO(data.decode("utf-8", "replace"))))
        return "\n".join(" | ".join(cell.strip() for cell in row) for row in rows)

    def render_priority(self, data, metadata):
        return 2 if metadata.content_type == "text/csv" else 0


contentviews.add(CsvContentview)
