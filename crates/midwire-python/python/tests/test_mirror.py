"""The contract between script objects and the host (see mitmproxy._mirror)."""

import marshal
import threading
from typing import Any, Dict, List

import pytest

from mitmproxy import _mirror, connection, dns, flow, http, tcp, websocket
from mitmproxy._mirror import Appended, Replaced
from mitmproxy.test import tflow, tutils


def lazy_flow(loads: List[str]) -> Any:
    """A flow whose content is loaded on demand; each load is noted."""

    def load() -> bytes:
        loads.append("content")
        return b"body"

    state: Dict[str, Any] = {
        "type": "http",
        "id": "abc",
        "request": {
            "host": "h",
            "port": 80,
            "method": b"GET",
            "scheme": b"http",
            "path": b"/",
            "headers": b"Host: h\r\nX: 1\r\nx: 2\r\n\r\n",
            "content": load,
        },
    }
    return _mirror.build(state, tflow.tclient_conn(), tflow.tserver_conn())


def test_a_new_flow_has_no_changes() -> None:
    f = lazy_flow([])
    assert f.id == "abc" and f.response is None and f.marked == ""
    assert _mirror.changes(f) == {}


def test_reading_is_no_change_and_content_is_loaded_once() -> None:
    loads: List[str] = []
    f = lazy_flow(loads)
    assert f.request.headers.get_all("x") == ["1", "2"]
    assert loads == []
    assert f.request.content == b"body" and f.request.text == "body"
    assert loads == ["content"]
    assert f.request.url == "http://h/" and dict(f.request.query) == {}
    assert _mirror.changes(f) == {}


def test_a_failed_load_can_be_repeated() -> None:
    answers: List[Any] = [OSError("gone"), b"x"]

    def load() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    f = lazy_flow([])
    _mirror.absorb(f, {"request": {"content": load}})
    with pytest.raises(OSError):
        f.request.content  # noqa: B018
    assert f.request.content == b"x"


def test_content_that_was_not_read_can_be_replaced_without_loading() -> None:
    loads: List[str] = []
    f = lazy_flow(loads)
    f.request.content = b"new"
    assert loads == []
    assert _mirror.changes(f)["request"]["content"] == b"new"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: setattr(f.request, "path", "/x"), {"request": {"path": b"/x"}}),
        (lambda f: f.request.query.update(a="b"), {"request": {"path": b"/?a=b"}}),
        (
            lambda f: f.request.headers.add("y", "3"),
            {"request": {"headers": ((b"Host", b"h"), (b"X", b"1"), (b"x", b"2"), (b"y", b"3"))}},
        ),
        (
            lambda f: setattr(f.request, "trailers", http.Headers(a="b")),
            {"request": {"trailers": ((b"a", b"b"),)}},
        ),
        (lambda f: setattr(f, "marked", ":x:"), {"marked": ":x:"}),
        (lambda f: setattr(f, "comment", "c"), {"comment": "c"}),
        (lambda f: f.intercept(), {"intercepted": True}),
        (lambda f: f.metadata.update(a=[1]), {"metadata": {"a": [1]}}),
        (lambda f: f.metadata.update(a=object()), {}),
        (
            lambda f: setattr(f, "error", flow.Error("e", 1)),
            {"error": {"msg": "e", "timestamp": 1.0}},
        ),
        (
            lambda f: setattr(f.server_conn, "via", ("http", ("p", 1))),
            {"server_conn": {"via": ("http", ("p", 1))}},
        ),
        (lambda f: setattr(f.client_conn, "error", "no"), {"client_conn": {"error": "no"}}),
        (lambda f: setattr(f, "own", 5), {}),
    ],
)
def test_only_what_was_touched_is_reported(change: Any, expected: Any) -> None:
    f = lazy_flow([])
    change(f)
    assert _mirror.changes(f) == expected
    _mirror.settle(f)
    assert _mirror.changes(f) == {}


def test_a_metadata_value_changed_in_place_is_noticed() -> None:
    f = lazy_flow([])
    f.metadata["list"] = [1]
    _mirror.settle(f)
    f.metadata["list"].append(2)
    assert _mirror.changes(f) == {"metadata": {"list": [1, 2]}}


def test_metadata_of_the_core_keeps_objects_of_the_script() -> None:
    f = lazy_flow([])
    thing = object()
    f.metadata["thing"] = thing
    _mirror.absorb(f, {"metadata": {"a": "b"}})
    assert f.metadata == {"thing": thing, "a": "b"}
    assert _mirror.changes(f) == {}


def test_a_shared_headers_object_changes_both_messages() -> None:
    f = tflow.tflow(resp=True)
    f.response.headers = f.request.headers
    _mirror.settle(f)
    f.request.headers["new"] = "1"
    changes = _mirror.changes(f)
    assert changes["request"]["headers"] == changes["response"]["headers"]


def test_replaced_objects_come_whole() -> None:
    f = lazy_flow([])
    f.response = http.Response.make(204)
    change = _mirror.changes(f)["response"]
    assert isinstance(change, Replaced) and change.state["status_code"] == 204
    _mirror.settle(f)
    f.response = None
    assert _mirror.changes(f) == {"response": Replaced(None)}


def test_kill_is_reported() -> None:
    f = tflow.tflow()
    f.kill()
    assert _mirror.changes(f)["error"]["msg"] == "Connection killed."


def test_absorb_is_no_change() -> None:
    f = lazy_flow([])
    _mirror.absorb(
        f,
        {
            "request": {"path": b"/n", "headers": b"a: b\r\n", "content": b"c"},
            "response": {"status_code": 404, "headers": ((b"x", b"y"),), "content": None},
            "server_conn": {"address": ["s", 1], "state": 3},
            "marked": "m",
            "error": {"msg": "e", "timestamp": 1},
        },
    )
    assert f.request.path == "/n" and f.request.content == b"c"
    assert f.response.status_code == 404 and f.response.headers["x"] == "y"
    assert f.server_conn.address == ("s", 1) and f.server_conn.connected
    assert f.marked == "m" and str(f.error) == "e"
    assert _mirror.changes(f) == {}
    response = f.response
    _mirror.absorb(f, {"response": {"status_code": 200}})
    assert f.response is response and response.headers["x"] == "y"
    _mirror.absorb(f, {"response": None, "error": None})
    assert f.response is None and f.error is None
    assert _mirror.changes(f) == {}


def test_absorb_refuses_unknown_keys() -> None:
    f = lazy_flow([])
    for wrong in ({"nope": 1}, {"request": {"nope": 1}}, {"server_conn": {"nope": 1}}):
        with pytest.raises(KeyError):
            _mirror.absorb(f, wrong)


def test_messages_of_streams() -> None:
    f = tflow.ttcpflow(messages=False)
    _mirror.absorb(f, {"messages": Appended([(True, b"a", 1.0), (False, b"b", 2.0)])})
    assert [m.content for m in f.messages] == [b"a", b"b"]
    assert _mirror.changes(f) == {}
    f.messages[-1].content = b"x"
    assert _mirror.changes(f) == {"messages": {1: {"content": b"x"}}}
    _mirror.settle(f)
    f.messages[0].content = b"y"
    assert _mirror.changes(f) == {"messages": {0: {"content": b"y"}}}
    _mirror.settle(f)
    f.messages.append(tcp.TCPMessage(True, b"z", 3))
    assert _mirror.changes(f) == {
        "messages": Replaced([(True, b"y", 1.0), (False, b"x", 2.0), (True, b"z", 3)])
    }
    _mirror.settle(f)
    f.messages[2].content = b"zz"
    assert _mirror.changes(f) == {"messages": {2: {"content": b"zz"}}}
    _mirror.absorb(f, {"messages": {0: {"content": b"q"}}})
    assert f.messages[0].content == b"q"


def test_messages_of_websockets() -> None:
    f = tflow.tflow(resp=True)
    _mirror.absorb(f, {"websocket": {"messages": [], "close_code": None}})
    assert isinstance(f.websocket, websocket.WebSocketData)
    _mirror.absorb(f, {"websocket": {"messages": Appended([(1, True, b"hi", 1.0, False, False)])}})
    assert _mirror.changes(f) == {}
    f.websocket.messages[-1].drop()
    f.websocket.messages[-1].text = "ho"
    edits = {0: {"content": b"ho", "dropped": True}}
    assert _mirror.changes(f) == {"websocket": {"messages": edits}}


def test_dns_messages_come_whole() -> None:
    f = tflow.tdnsflow()
    assert _mirror.changes(f) == {}
    f.request.questions[0].name = "other"
    change = _mirror.changes(f)["request"]
    assert change.state["questions"][0]["name"] == "other"
    _mirror.settle(f)
    f.response = f.request.succeed([dns.ResourceRecord("a", 1, 1, 5, b"\1\2\3\4")])
    assert set(_mirror.changes(f)) == {"response"}


def test_backup_and_revert_are_reported() -> None:
    f = lazy_flow([])
    f.backup()
    assert _mirror.changes(f)["backup"]["request"]["content"] == b"body"
    _mirror.settle(f)
    f.request.path = "/x"
    f.revert()
    changes = _mirror.changes(f)
    assert f.request.path == "/" and changes["backup"] is None


def test_revert_keeps_connection_objects() -> None:
    f = lazy_flow([])
    client, server = f.client_conn, f.server_conn
    f.backup()
    f.revert()
    assert f.client_conn is client and f.server_conn is server


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda r: r.headers.__setitem__("a", "b\r\nc: d"), "line breaks"),
        (lambda r: r.headers.__setitem__("a\n", "b"), "line breaks"),
        (lambda r: r.headers.add("a", "b\0"), "NUL"),
        (lambda r: r.headers.add("", "b"), "Invalid header field name"),
        (lambda r: r.headers.add("a:b", "b"), "Invalid header field name"),
        (lambda r: r.headers.insert(0, "a", "b\n"), "line breaks"),
        (lambda r: setattr(r.headers, "fields", ((b"a", b"\r"),)), "line breaks"),
        (lambda r: setattr(r, "path", "/ HTTP/1.1\r\nX: y"), "Invalid path"),
        (lambda r: setattr(r, "method", "GET\n"), "Invalid method"),
        (lambda r: setattr(r, "host", "a\r\n"), "Invalid host"),
        (lambda r: setattr(r, "authority", b"a\n"), "Invalid authority"),
        (lambda r: setattr(r, "http_version", "HTTP/1.1\n"), "Invalid http_version"),
    ],
)
def test_bad_values_are_refused_at_once(change: Any, text: str) -> None:
    request = tutils.treq()
    before = request.get_state()
    with pytest.raises(ValueError, match=text):
        change(request)
    assert request.get_state() == before


def test_bad_values_in_new_objects_are_refused_when_they_are_sent() -> None:
    f = tflow.tflow()
    f.response = tutils.tresp(headers=http.Headers([(b"a", b"b\r\nc")]))
    with pytest.raises(ValueError, match="header field 'a'"):
        _mirror.changes(f)
    with pytest.raises(ValueError, match="line breaks"):
        http.Response.make(200, b"", {"a": "b\nc"})


def test_types_that_cannot_be_sent_are_refused() -> None:
    f = tflow.tflow(resp=True)
    with pytest.raises(TypeError, match="must be Headers, not dict"):
        f.request.headers = {"a": "b"}  # type: ignore[assignment]
    with pytest.raises(TypeError, match="Raw content must be bytes"):
        f.request.raw_content = "x"  # type: ignore[assignment]
    f.response.data.content = "x"
    with pytest.raises(ValueError, match="content must be bytes"):
        _mirror.changes(f)


def test_an_open_server_connection_keeps_its_address() -> None:
    server = _mirror.build_server({"address": ["a", 1], "state": 3})
    assert server.state is connection.ConnectionState.OPEN
    with pytest.raises(RuntimeError, match="Cannot change server.address"):
        server.address = ("b", 2)
    assert _mirror.changes(server) == {}


def test_bridge_is_told_of_resume() -> None:
    resumed: List[Any] = []

    class Noting(_mirror.Bridge):
        def resume_flow(self, flow: Any) -> None:
            resumed.append(flow)

    former = _mirror.install(Noting())
    try:
        f = tflow.tflow()
        f.resume()
        assert resumed == []
        f.intercept()
        f.resume()
        assert resumed == [f]
    finally:
        _mirror.install(former)


def test_bridge_does_the_codings_that_python_lacks() -> None:
    class Coding(_mirror.Bridge):
        def encode_content(self, data: bytes, coding: str) -> Any:
            return coding.encode() + data

        def decode_content(self, data: bytes, coding: str) -> Any:
            if not data.startswith(coding.encode()):
                raise ValueError("broken")
            return data[len(coding) :]

    former = _mirror.install(Coding())
    try:
        response = tutils.tresp()
        response.encode("br")
        assert response.raw_content == b"brmessage" and response.content == b"message"
        response.raw_content = b"zz"
        with pytest.raises(ValueError, match="broken"):
            response.content  # noqa: B018
        response.encode("zstd")
        assert response.headers["content-encoding"] == "zstd"
    finally:
        _mirror.install(former)


def packed_flow(content: Any = b"body") -> Any:
    """A flow whose messages came packed."""
    block = b"Host: h\r\nX: 1\r\n"
    request = (b"HTTP/1.1", block, content, None, 1.0, 2.0, "h", 80, b"GET", b"http", b"", b"/")
    response = (b"HTTP/1.1", block, b"text", b"T: 1\r\n", 1.0, None, 200, b"OK")
    parts = {
        "timestamp_created": 3.0,
        "request": marshal.dumps(request, 2),
        "response": marshal.dumps(response, 2),
    }
    f = http.HTTPFlow._fresh("abc", True, tflow.tclient_conn(), tflow.tserver_conn(), parts)
    assert f is not None
    return f


def test_packed_messages_are_made_when_they_are_looked_at() -> None:
    f = packed_flow()
    assert _mirror.changes(f) == {} and f._packed_changes() == {}
    assert "response" not in f.__dict__
    assert f.response.status_code == 200 and f.response.trailers["t"] == "1"
    assert f.response is f.response and f.websocket is None and f.error is None
    assert f.request.url == "http://h/" and f.request.content == b"body"
    assert _mirror.changes(f) == {} and f._packed_changes() == {}
    assert f.get_state()["comment"] == "" and f.copy().request.path == "/"


def test_packed_messages_can_be_replaced_before_they_are_made() -> None:
    f = packed_flow()
    f.response = None
    f.comment = "c"
    assert f.response is None and f._packed_changes() is None
    assert _mirror.changes(f) == {"comment": "c", "response": Replaced(None)}
    _mirror.settle(f)
    assert _mirror.changes(f) == {}


def test_newer_packed_messages_take_the_place_of_older_ones() -> None:
    f = packed_flow()
    assert f.response.status_code == 200
    newer = (b"HTTP/1.1", b"", b"", None, 1.0, None, 404, b"")
    _mirror.absorb(f, {"response": marshal.dumps(newer, 2)})
    assert f.response.status_code == 404 and _mirror.changes(f) == {}


def test_large_content_of_packed_messages_is_asked_for() -> None:
    asked: List[Any] = []

    class Bridge(_mirror.Bridge):
        def load_content(self, flow_id: str, part: int) -> Any:
            asked.append((flow_id, part))
            return b"large"

    former = _mirror.install(Bridge())
    try:
        f = packed_flow(content=100_000)
        assert f.request.method == "GET" and asked == []
        assert f.request.content == b"large" and f.request.content == b"large"
        assert asked == [("abc", 0)] and _mirror.changes(f) == {}
    finally:
        _mirror.install(former)


@pytest.mark.parametrize(
    "name, value, block",
    [
        ("New", "v", b"Host: h\r\nX: 1\r\nNew: v\r\n"),
        ("New", "", b"Host: h\r\nX: 1\r\nNew: \r\n"),
        ("x", "2", ((b"Host", b"h"), (b"X", b"2"))),
        ("host", "2", ((b"Host", b"2"), (b"X", b"1"))),
        # The block would lose the blanks.
        ("New", " v ", ((b"Host", b"h"), (b"X", b"1"), (b"New", b" v "))),
    ],
)
def test_fields_are_added_to_the_block_or_parsed(name: str, value: str, block: Any) -> None:
    f = packed_flow()
    f.request.headers[name] = value
    assert f._packed_changes() == {"request": {"headers": block}}
    assert f._packed_changes() == {} and f.request.headers[name] == value
    assert len(f.request.headers.fields) in (2, 3)


def test_fields_that_break_lines_are_refused_before_and_after_parsing() -> None:
    for parsed in (False, True):
        headers = packed_flow().request.headers
        assert not parsed or headers["x"] == "1"
        for name, value in (("A", "b\r\nc: d"), ("A:b", "c"), ("", "b"), ("A\n", "b")):
            with pytest.raises(ValueError):
                headers[name] = value
        assert bytes(headers) == b"Host: h\r\nX: 1\r\n"


def test_two_threads_find_the_same_message() -> None:
    for _ in range(50):
        f = packed_flow()
        found: List[Any] = []
        start = threading.Barrier(2)

        def look(f: Any = f, found: Any = found, start: Any = start) -> None:
            start.wait()
            found.append(f.response)

        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found[0] is found[1] and found[0].status_code == 200
        assert _mirror.changes(f) == {}
