"""A view that works both ways: what is edited in it becomes content again."""

from mitmproxy import contentviews


class Rot13(contentviews.InteractiveContentview):
    def prettify(self, data, metadata):
        return _turn(data).decode("ascii", "replace")

    def reencode(self, prettified, metadata):
        return _turn(prettified.encode("ascii"))


def _turn(data):
    turned = bytearray(data)
    for at, byte in enumerate(data):
        for first in (65, 97):
            if first <= byte < first + 26:
                turned[at] = (byte - first + 13) % 26 + first
    return bytes(turned)


contentviews.add(Rot13)
