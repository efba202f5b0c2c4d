"""Helps the tests in tests/it: shows what mitmproxy makes of flow files and HAR files.

Usage: states.py FILE... prints one JSON line per file: the states of its flows, or the error that ended reading.
Bytes are shown as {"b": hex}, floats as {"f": repr}, dicts with their keys sorted.
"""

import json
import sys

from mitmproxy.io import FlowReader


def plain(value):
    if isinstance(value, bytes):
        return {"b": value.hex()}
    if isinstance(value, float):
        return {"f": repr(value)}
    if isinstance(value, dict):
        return {"d": sorted(([plain(k), plain(v)] for k, v in value.items()), key=json.dumps)}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def states(path):
    flows, error = [], None
    try:
        with open(path, "rb") as file:
            for flow in FlowReader(file).stream():
                # Text messages of old files stay text there, although messages hold bytes.
                for message in getattr(getattr(flow, "websocket", None), "messages", ()):
                    if isinstance(message.content, str):
                        message.content = message.content.encode()
                flows.append(plain(flow.get_state()))
    except Exception as e:
        error = str(e)
    return {"flows": flows, "error": error}


for path in sys.argv[1:]:
    print(json.dumps(states(path)))
