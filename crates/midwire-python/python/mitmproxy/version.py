"""Versions: of the interface that scripts see, and of the flow files."""

VERSION = "12.2.3"
"""The version of mitmproxy whose interface this is."""
MITMPROXY = f"mitmproxy {VERSION}"
FLOW_FORMAT_VERSION = 21
"""The version of the flow file format that is written."""


def get_dev_version() -> str:
    """The version; released builds have no other."""
    return VERSION


if __name__ == "__main__":
    print(VERSION)
