"""Files, content views, certificates, hosted applications, the alias package, refusals."""

import asyncio
import io as std_io
import pathlib
import subprocess
import sys
from typing import Any, Dict, List

import pytest

from mitmproxy import _mirror, certs, contentviews, exceptions, flow, flowfilter, http, io
from mitmproxy.addons import asgiapp
from mitmproxy.io import tnetstring
from mitmproxy.net import encoding
from mitmproxy.net.http import http1
from mitmproxy.test import tflow, tutils

CERT = b"""-----BEGIN CERTIFICATE-----
MIIBxzCCAWygAwIBAgICEjQwCgYIKoZIzj0EAwIwKDEVMBMGA1UEAwwMZXhhbXBs
ZS50ZXN0MQ8wDQYDVQQKDAZTYW1wbGUwIBcNMjYxMTI0MTU1NTM3WhgPMjEyNjEw
MzExNTU1MzdaMCgxFTATBgNVBAMMDGV4YW1wbGUudGVzdDEPMA0GA1UECgwGU2Ft
cGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuLZzqQuJMOCdenA9gbx9D3Zm
3IncWD4O5Fqb0NFQcxFRjrkzAOiamSI68rTtfMXCmJKTxTbwYd3gG4zev3x6aqOB
gzCBgDAdBgNVHQ4EFgQUuWQVBI7KFWWJ8YPwOdGEOCVA7I8wHwYDVR0jBBgwFoAU
uWQVBI7KFWWJ8YPwOdGEOCVA7I8wLQYDVR0RBCYwJIIMZXhhbXBsZS50ZXN0gg4q
LmV4YW1wbGUudGVzdIcEfwAAATAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMC
A0kAMEYCIQDftpDHLmgNR9zWpm2Muuh7d2Oj/T8/fjHol6QzBP2mUwIhANNmgd5v
9sluZUqCrvxUfpC2Yoc0LJ/MUx88f4CU3vEi
-----END CERTIFICATE-----
"""


def read(data: bytes) -> Any:
    """The flows of a file, with the error that ended it."""
    flows: List[Any] = []
    try:
        flows.extend(io.FlowReader(std_io.BytesIO(data)).stream())
    except exceptions.FlowReadException as error:
        return flows, str(error)
    return flows, ""


def written(*flows: flow.Flow) -> bytes:
    buffer = std_io.BytesIO()
    for f in flows:
        io.FlowWriter(buffer).add(f)
    return buffer.getvalue()


def test_flows_are_written_and_read() -> None:
    flows = tflow.tflows() + [tflow.twebsocketflow()]
    flows[0].metadata["x"] = ["y", 1]
    found, error = read(written(*flows))
    assert error == "" and len(found) == len(flows)
    for before, after in zip(flows, found):
        assert type(before) is type(after) and before.id == after.id
        assert tnetstring.dumps(before.get_state()) == tnetstring.dumps(after.get_state())
        assert _mirror.changes(after) == {}
    flows[0].backup()
    flows[0].request.path = "/new"
    again = read(written(flows[0]))[0][0]
    assert again.modified() and again.request.path == "/new"
    again.revert()
    assert again.request.path == "/path"


def changed(**values: Any) -> bytes:
    state = tflow.tflow().get_state()
    state.update(values)
    return tnetstring.dumps(state)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"xxx", "Invalid data format."),
        (b"3:abc,", "Invalid flow: loaded=b'abc'"),
        (b"0:}", "Invalid data format."),
        (b"99999999999999:", "Invalid data format."),
        (b"999999999999:x", "Invalid data format."),
        (b"1:x", "Invalid data format."),
        (b"0:]", "Invalid flow: loaded=[]"),
        (changed(version=22), "flow format version 22, please update mitmproxy."),
        (changed(version=[9, 9]), "cannot read files with flow format version (9, 9)."),
        (changed(version=20), "convert the file with"),
        (changed(version=[0, 18]), "convert the file with"),
        (changed(type="foo"), "Unknown flow type: foo"),
        (b"{}", "HAR files can only be read"),
    ],
)
def test_damaged_files(data: bytes, text: str) -> None:
    flows, error = read(data)
    assert flows == [] and text in error
    flows, error = read(written(tflow.tflow()) + data)
    assert len(flows) == 1 and error != ""


def test_old_files_and_har_are_read_by_the_core() -> None:
    class Core(_mirror.Bridge):
        def upgrade_flow(self, state: Dict[Any, Any]) -> Any:
            return {**state, "version": 21}

        def read_har(self, data: bytes) -> Any:
            if data != b'{"log":{}}':
                raise ValueError("bad")
            return [tflow.tflow().get_state()]

    former = _mirror.install(Core())
    try:
        assert len(read(changed(version=20))[0]) == 1
        assert len(read(b'\xef\xbb\xbf{"log":{}}')[0]) == 1
        assert read(b"{")[1] == "Unable to read HAR file. Please provide a valid HAR file"
    finally:
        _mirror.install(former)


def test_filtered_writer_and_paths(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "flows"
    with path.open("wb") as file:
        writer = io.FilteredFlowWriter(file, flowfilter.parse("~s"))
        for f in tflow.tflows():
            writer.add(f)
    assert all(f.response for f in io.read_flows_from_paths([str(path)]))  # type: ignore[attr-defined]
    with pytest.raises(exceptions.FlowReadException, match="No such file"):
        io.read_flows_from_paths([str(tmp_path / "missing")])


def nested(levels: int) -> bytes:
    data = b"0:]"
    for _ in range(levels):
        data = b"%d:%s]" % (len(data), data)
    return data


def test_nesting_is_limited() -> None:
    assert tnetstring.loads(nested(50)) is not None
    for levels in (70, 5000):
        with pytest.raises(ValueError, match="nested"):
            tnetstring.loads(nested(levels))
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        tnetstring.dumps(deep)
    with pytest.raises(ValueError, match="Invalid filter expression"):
        flowfilter.parse("(" * 5000 + "a" + ")" * 5000)
    with pytest.raises(ValueError, match="Invalid filter expression"):
        flowfilter.parse("!" * 5000 + "~q")


class Shout(contentviews.InteractiveContentview):
    """A view that can be edited."""

    def prettify(self, data: bytes, metadata: contentviews.Metadata) -> str:
        if b"!" in data:
            raise ValueError("no shouting twice")
        return data.decode().upper() + "\x1b"

    def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:
        return 5 if metadata.content_type == "text/shout" else -1

    def reencode(self, prettified: str, metadata: contentviews.Metadata) -> bytes:
        return prettified.lower().encode()


class Old(contentviews.View):
    """A former view."""

    name = "old"

    def __call__(self, data: bytes, **metadata: Any) -> Any:
        return "title", iter([[("text", "a"), ("header", b"b")], [("text", data)]])


def test_content_views() -> None:
    told: List[str] = []

    class Core(_mirror.Bridge):
        def contentview_added(self, view: Any) -> None:
            told.append(view.name)

    former = _mirror.install(Core())
    try:
        contentviews.add(Shout)
        contentviews.add(Shout())
        with pytest.warns(UserWarning, match="Old should be"):
            contentviews.add(Old())
    finally:
        _mirror.install(former)
    assert told == ["Shout", "Shout", "old"]
    assert contentviews.registry.available_views() == ["auto", "old", "raw", "shout"]
    message = tutils.tresp(headers=http.Headers(content_type="Text/Shout; a=b"))
    f = tflow.tflow()
    result = contentviews.prettify_message(message, f)
    assert (result.text, result.view_name) == ("MESSAGE.", "Shout")
    assert contentviews.reencode_message("ABC", message, f, "shout") == b"abc"
    message.content = b"hey!"
    result = contentviews.prettify_message(message, f)
    assert result.view_name == "Raw" and result.description == "[failed to parse as Shout]"
    result = contentviews.prettify_message(message, f, "SHOUT")
    assert result.syntax_highlight == "error" and "no shouting twice" in result.text
    assert contentviews.prettify_message(message, f, "old").text == "ab\nhey!"
    message.content = None
    assert contentviews.prettify_message(message, f).text == "Content is missing."
    message.raw_content = b"x"
    message.headers["content-encoding"] = "gzip"
    message.raw_content = b"\xff\xff"
    assert contentviews.prettify_message(message, f, "raw").description == "[cannot decode]"
    with pytest.raises(ValueError, match="not interactive"):
        contentviews.reencode_message("x", message, f, "raw")


def test_certificates() -> None:
    cert = certs.Cert.from_pem(CERT)
    assert cert.cn == "example.test" and cert.organization == "Sample"
    assert cert.issuer == [("CN", "example.test"), ("O", "Sample")] == cert.subject
    assert [str(name) for name in cert.altnames] == ["example.test", "*.example.test", "127.0.0.1"]
    assert cert.keyinfo == ("EC (secp256r1)", 256) and cert.is_ca and not cert.has_expired()
    assert cert.serial == 4660 and cert.notbefore < cert.notafter
    assert cert.notafter.utcoffset() is not None and len(cert.fingerprint()) == 32
    assert cert.to_pem() == CERT and certs.Cert.from_state(cert.get_state()) == cert
    assert certs.Cert(cert.to_der()) == cert and hash(cert) == hash(certs.Cert(cert))
    for bad in (b"", b"x", CERT[:-40], CERT.replace(b"MII", b"MIJ", 1)):
        with pytest.raises(ValueError):
            certs.Cert.from_pem(bad)
    for cut in range(0, len(cert.to_der()), 7):
        with pytest.raises(ValueError):
            certs.Cert(cert.to_der()[:cut]).subject  # noqa: B018


def test_certificates_of_connections_are_parsed_on_demand() -> None:
    conn = _mirror.build_server({"certificate_list": [CERT], "address": None})
    assert conn.get_state()["certificate_list"] == [CERT]
    assert conn.certificate_list[0].cn == "example.test"
    assert conn.get_state()["certificate_list"] == [CERT]
    assert _mirror.changes(conn) == {}


async def echo(scope: Dict[str, Any], receive: Any, send: Any) -> None:
    """An ASGI application."""
    if scope["path"] == "/fail":
        raise ValueError("oops")
    if scope["path"] == "/silent":
        return
    request = await receive()
    fields = [(b"content-type", b"text/x"), (b"set-cookie", b"a"), (b"set-cookie", b"b")]
    await send({"type": "http.response.start", "status": 201, "headers": fields})
    await send({"type": "http.response.body", "body": scope["path"].encode(), "more_body": True})
    await send({"type": "http.response.body", "body": request["body"] + scope["query_string"]})


def wsgi(environ: Dict[str, Any], start_response: Any) -> Any:
    """A WSGI application."""
    start_response("202 Accepted", [("X-Method", environ["REQUEST_METHOD"])])
    return [environ["PATH_INFO"].encode("latin-1"), environ["wsgi.input"].read()]


def ask(app: Any, path: bytes, host: str = "address") -> Any:
    f = tflow.tflow(req=tutils.treq(path=path, host=host))
    asyncio.run(app.request(f))
    return f.response


def test_hosted_applications(caplog: Any) -> None:
    app = asgiapp.ASGIApp(echo, "address", 22)
    response = ask(app, b"/caf%C3%A9?q")
    assert response.status_code == 201 and response.content == "/café".encode() + b"contentq"
    assert response.headers.get_all("set-cookie") == ["a", "b"]
    assert response.headers["content-length"] == str(len(response.content))
    assert ask(app, b"/", "other") is None
    assert ask(asgiapp.ASGIApp(echo, "address", 23), b"/") is None
    assert ask(asgiapp.ASGIApp(echo, "address", None), b"/").status_code == 201
    for path in (b"/fail", b"/silent"):
        assert ask(app, path).status_code == 500
    assert "oops" in caplog.text
    response = ask(asgiapp.WSGIApp(wsgi, "address", None), b"/x?y")
    assert (response.status_code, response.content) == (202, b"/xcontent")
    assert response.headers["x-method"] == "GET" and app.name == "asgiapp:address:22"


def test_content_codings() -> None:
    import gzip
    import zlib

    for name in ("gzip", "deflate", "deflateraw", "identity", "none"):
        assert encoding.decode(encoding.encode(b"hello" * 99, name), name) == b"hello" * 99
    assert encoding.decode(gzip.compress(b"a") + gzip.compress(b"b"), "gzip") == b"ab"
    assert encoding.decode(gzip.compress(b"hello")[:-6], "gzip") == b"hello"
    assert encoding.decode(gzip.compress(b"hello") + b"\0\0", "gzip") == b"hello"
    assert encoding.decode(zlib.compress(b"hello"), "gzip") == b"hello"
    assert encoding.decode(zlib.compress(b"hello")[2:-4], "deflate") == b"hello"
    with pytest.raises(ValueError, match="error when decoding b'foo' with 'gzip'"):
        encoding.decode(b"foo", "gzip")


def test_http1_lengths() -> None:
    def size(message: http.Message) -> Any:
        if isinstance(message, http.Request):
            return http1.expected_http_body_size(message)
        return http1.expected_http_body_size(tutils.treq(), message)  # type: ignore[arg-type]

    fields = http.Headers
    assert size(tutils.treq(headers=fields())) == 0
    assert size(tutils.tresp(headers=fields())) == -1
    assert size(tutils.treq(headers=fields(transfer_encoding="gzip, chunked"))) is None
    assert size(tutils.treq(headers=fields(content_length="5"))) == 5
    assert size(tutils.treq(headers=fields(content_length="5, 5"))) == 5
    for bad in (
        fields(content_length="5, 6"),
        fields(content_length="+5"),
        fields(content_length="5", transfer_encoding="chunked"),
        fields(transfer_encoding="chunked, gzip"),
    ):
        with pytest.raises(ValueError):
            size(tutils.treq(headers=bad))
    for lines in ([b"GET /"], [], [b"GET / HTTP/x"], [b"GET / HTTP/1.1", b"no colon"]):
        with pytest.raises(ValueError):
            http1.read_request_head(lines)


def test_the_alias_package() -> None:
    code = (
        "import midwire.net.http.url, midwire.http, mitmproxy.http\n"
        "from midwire import ctx, http, observe\n"
        "import mitmproxy.ctx\n"
        "assert midwire.http is http is mitmproxy.http and ctx is mitmproxy.ctx\n"
        "assert mitmproxy.http.__spec__.name == 'mitmproxy.http'\n"
        "try:\n    from midwire import nothing\nexcept ImportError:\n    pass\n"
        "else:\n    raise SystemExit('nothing was found')\n"
        "try:\n    import midwire.nothing\nexcept ImportError:\n    pass\n"
        "else:\n    raise SystemExit('nothing was found')\n"
    )
    root = str(pathlib.Path(__file__).resolve().parent.parent)
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


def test_observers() -> None:
    import midwire
    from mitmproxy.test import taddons

    class Watching:
        name = "watching"

        @midwire.observe
        def request(self, f: Any) -> None: ...

        @midwire.observe
        def response(self, f: Any) -> None: ...

    class Acting:
        def response(self, f: Any) -> None: ...

    with taddons.context(Watching(), Acting()) as tctx:
        assert tctx.master.addons.observed() == {"request"}
        assert tctx.master.addons.interest() == {"request", "response"}


def test_what_needs_the_proxy_says_what_to_use() -> None:
    from mitmproxy.tools import dump, main

    for action in (
        lambda: main.mitmdump([]),
        lambda: dump.DumpMaster(None),
        lambda: certs.CertStore(),
    ):
        with pytest.raises(exceptions.NotAvailable, match="not available"):
            action()
    with pytest.raises(ImportError, match="built-in addons are part of midwire"):
        from mitmproxy.addons import view  # type: ignore[attr-defined]  # noqa: F401
    with pytest.raises(AttributeError, match="use http.Response"):
        http.HTTPResponse.make()


def test_all_modules_can_be_imported_without_warnings() -> None:
    code = (
        "import importlib, pkgutil, mitmproxy\n"
        "for m in pkgutil.walk_packages(mitmproxy.__path__, 'mitmproxy.'):\n"
        "    importlib.import_module(m.name)\n"
    )
    root = str(pathlib.Path(__file__).resolve().parent.parent)
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=root, check=True)
