"""The programs of mitmproxy, which cannot be run from Python here."""
