"""The parts of ``mitmproxy.http``; import them from there."""
