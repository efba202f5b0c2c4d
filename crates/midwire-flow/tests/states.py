"""Helps the tests in tests/it: shows what mitmproxy makes of flow files and HAR files.

Usage: states.py --make FILE writes a flow file with flows of every kind. states.py FILE... prints one JSON line per file: the states of its flows, or the error that ended reading.
Bytes are shown as {"b": hex}, floats as {"f": repr}, dicts with their keys sorted.
"""

import json
import sys

from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import tflow


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


def make(path):
    changed = tflow.tflow(resp=True, err=True)
    changed.backup()
    changed.request.path = "/changed"
    changed.response.trailers = changed.response.headers.copy()
    changed.metadata = {"a": [1, None, 2.5, {"b": b"\xff"}], "big": 2**80, "deep": {"x": {"y": True}}}
    changed.comment, changed.marked, changed.is_replay = "é\n", ":star:", "response"
    v6 = tflow.tflow()
    v6.client_conn.peername = ("fe80::1", 1, 2, 3)
    v6.server_conn.via = ("https", ("proxy", 8080))
    v6.server_conn.timestamp_start = 1e17
    v6.request.content = None
    flows = [
        changed,
        v6,
        tflow.twebsocketflow(),
        tflow.ttcpflow(err=True),
        tflow.tudpflow(),
        tflow.tdnsflow(resp=True),
        tflow.tdnsflow(err=True),
        tflow.tflow(ws=True, resp=True),
    ]
    with open(path, "wb") as file:
        for flow in flows:
            FlowWriter(file).add(flow)


if sys.argv[1:2] == ["--make"]:
    make(sys.argv[2])
    sys.exit()
for path in sys.argv[1:]:
    print(json.dumps(states(path)))
