"""What addon scripts import as ``mitmproxy``, provided by midwire.

The package offers mitmproxy's scripting interface (baseline 12.2.3) without the proxy
itself, which runs in another process. It needs nothing but the standard library.
"""
