"""Expressions that must have the same result here and in the original program.

``test_parity`` runs this file with both interpreters: each expression is evaluated and its
``repr``, or the type of its exception, printed as one line of JSON. Only public interfaces
are used. The file runs on its own: ``python parity_table.py``."""

import json
import sys
import warnings
from typing import Any, Dict, List

# ruff: noqa: F401 - the rows use these names
import mitmproxy.io
from mitmproxy import (
    connection,
    dns,
    eventsequence,
    exceptions,
    flow,
    flowfilter,
    http,
    optmanager,
    tcp,
    tls,
    udp,
    websocket,
)
from mitmproxy.coretypes import multidict
from mitmproxy.io import tnetstring
from mitmproxy.net import check, encoding, server_spec
from mitmproxy.net.dns import types
from mitmproxy.net.http import cookies, headers, http1, multipart, status_codes, url
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow, tutils
from mitmproxy.utils import human, strutils

Headers, Request, Response = http.Headers, http.Request, http.Response
ENV: Dict[str, Any] = dict(globals())


def put(thing: Any, name: str, value: Any) -> Any:
    """Set an attribute and give what it is afterwards."""
    setattr(thing, name, value)
    return getattr(thing, name)


def call(thing: Any, name: str, *args: Any) -> Any:
    """Call a method and give the object."""
    getattr(thing, name)(*args)
    return thing


def head(message: Any) -> Any:
    """The fields and the content as they are sent."""
    return message.headers.fields, message.raw_content


def raw(request: Any) -> Any:
    """Where a request goes, and what it says about that."""
    data = request.data
    return data.host, data.port, data.scheme, data.authority, data.path, data.headers.fields


def matches(text: str) -> Any:
    """Which of the test flows match a filter."""
    wanted = flowfilter.parse(text)
    return [bool(wanted(f)) for f in tflow.tflows() + [tflow.twebsocketflow()]]


def plain(state: Any) -> Any:
    """A state without what is different each time."""
    if isinstance(state, dict):
        return {k: plain(v) for k, v in state.items() if k not in ("id", "timestamp_created")}
    return state


ENV.update(put=put, call=call, head=head, raw=raw, matches=matches, plain=plain)

ROWS: List[str] = []


def table(template: str, *values: Any) -> None:
    """One row for each value."""
    ROWS.extend(template.replace("@", repr(value)) for value in values)


# Header fields.
AA = 'Headers([(b"A", b"1"), (b"x", b"y"), (b"a", b"2")])'
ROWS += [
    f"{AA}['a']",
    f"{AA}[b'A']",
    f"{AA}['nope']",
    f"{AA}.get('nope', 5)",
    f"5 in {AA}",
    f"list({AA})",
    f"len({AA})",
    f"{AA}.get_all('A')",
    f"list({AA}.items())",
    f"list({AA}.items(multi=True))",
    f"list({AA}.keys(multi=True))",
    f"list({AA}.values())",
    f"bytes({AA})",
    f"call({AA}, '__setitem__', 'a', 'n')",
    f"call({AA}, '__setitem__', 'q', 'n')",
    f"call({AA}, '__setitem__', 'a', 5)",
    f"call({AA}, '__delitem__', 'a')",
    f"call({AA}, '__delitem__', 'q')",
    f"call({AA}, 'set_all', 'a', ['1', '2', '3'])",
    f"call({AA}, 'set_all', 'a', ['1'])",
    f"call({AA}, 'add', 'a', 'é')",
    f"call({AA}, 'insert', 1, 'a', 'b')",
    f"{AA}.pop('a')",
    f"{AA} == {AA}",
    f"{AA}.copy()",
    "Headers(host='x') == Headers(Host='x')",
    "Headers([('a', b'b')])",
    "Headers({'a': 'b'})",
    "Headers(foo_bar='x', b='y')",
    "Headers([(b'a', b'\\xff')])['a']",
    "Headers.from_state([(b'a', b'b')])",
    "multidict.MultiDict([('a', 1), ('A', 2), ('a', 3)])['a']",
    "call(multidict.MultiDict([('a', 1), ('A', 2), ('a', 3)]), '__setitem__', 'a', 5)",
]

# Requests.
table(
    "getattr(tutils.treq(), @)",
    *"method scheme authority host host_header port path url pretty_host pretty_url".split(),
    *"first_line_format query cookies path_components urlencoded_form multipart_form".split(),
    *"content text raw_content http_version timestamp_start stream trailers".split(),
    *"is_http10 is_http11 is_http2 is_http3".split(),
)
table("put(tutils.treq(), 'method', @)", "foo", b"foo", 5)
table("raw(call(tutils.treq(), '__setattr__', 'host', @))", "x", b"x", 5, "bü")
table("raw(call(tutils.treq(), '__setattr__', 'port', @))", 80, "80")
table(
    "raw(call(tutils.treq(), '__setattr__', 'url', @))",
    "http://x:80/",
    "foo",
    b"http://x/",
    "http://ü/",
    "https://x:9/a?b#c",
    5,
)
table("raw(call(tutils.treq(), '__setattr__', 'host_header', @))", "q", None)
table("raw(call(tutils.treq(headers=Headers(host='h:80')), '__setattr__', 'host', @))", "new")
H2 = "tutils.treq(http_version=b'HTTP/2.0', headers=Headers(), authority=b'foo:9')"
ROWS += [
    f"({H2}.host_header, {H2}.pretty_host, {H2}.pretty_url)",
    f"raw(call({H2}, '__setattr__', 'host', 'zz'))",
    f"raw(call({H2}, '__setattr__', 'host_header', None))",
    "tutils.treq(method=b'CONNECT', authority=b'a:443').pretty_url",
    "tutils.treq(method=b'CONNECT', authority=b'a:443')",
    "tutils.treq(authority=b'a:443').first_line_format",
]
table("put(tutils.treq(path=b'/a?x=1'), 'query', @)", {"a": "b"}, [("a", "b c")], [])
table("put(tutils.treq(path=b'/a?x=1'), 'path_components', @)", ["x y", "z/"], [])
ROWS += [
    "raw(call(tutils.treq(path=b'/a?x=1'), '__setattr__', 'path_components', ['x y', 'z/']))",
    "call(tutils.treq(path=b'/a;b?c=d&e&f=#x').query, 'clear')",
    "tutils.treq(path=b'/a;b?c=d&e&f=#x').query",
    "tutils.treq(path=b'/a;b?c=d&e&f=#x').path_components",
    "put(tutils.treq(), 'cookies', [('a', 'b'), ('c', 'd e')])['c']",
    "head(call(tutils.treq(), '__setattr__', 'cookies', [('a', 'b'), ('c', 'd e')]))",
    "head(call(tutils.treq(), '__setattr__', 'urlencoded_form', [('a', 'b€')]))",
    "put(tutils.treq(), 'multipart_form', [(b'a', b'b'), (b'c', b'd')])",
    "head(call(tutils.treq(headers=Headers(accept_encoding='gzip, compress, br;q=1')),"
    " 'constrain_encoding'))",
    "head(call(tutils.treq(), 'anticomp'))",
    "head(call(tutils.treq(headers=Headers(if_none_match='x', a='b')), 'anticache'))",
    "Request.make('get', 'http://a.b:99/x#f')",
    "Request.make('GET', 'x')",
    "Request.make('GET', 'http://a/', 5)",
    "Request.make('GET', 'http://a/', 'x', 5)",
    "head(Request.make('GET', 'http://a/', 'x', {'a': 'b', b'c': b'd'}))",
    "Request.make('GET', 'http://a/', 'x', [('a', 'b')])",
    "tutils.treq(port='80')",
    "tutils.treq(content='x')",
    "tutils.treq(method='PUT').data.method",
]
table("tutils.treq(headers=Headers(host=@)).pretty_url", "h", "h:80", "h:81", "[::1", "h:bad")

# Responses and content.
table("put(tutils.tresp(), 'reason', @)", "é", "€", 5)
ROWS += [
    "tutils.tresp()",
    "tutils.tresp(content=None)",
    "head(Response.make(299, 'é', {'content-type': 'text/plain; charset=utf-8'}))",
    "head(Response.make(200, 'é€'))",
    "Response.make(299).reason",
    "Response.make(200, None)",
    "Response.make('200')",
    "Response.make(200, 5)",
    "tutils.tresp(headers=Headers([(b'set-cookie', b'a=b; Path=/; HttpOnly')])).cookies",
    "head(call(tutils.tresp(), '__setattr__', 'cookies', [('a', ('b', [('path', '/'),"
    " ('HttpOnly', None)]))]))",
    "head(call(tutils.tresp(), 'encode', 'gzip'))",
    "head(call(call(tutils.tresp(), 'encode', 'gzip'), 'decode'))",
    "head(call(call(tutils.tresp(), 'encode', 'deflate'), '__setattr__', 'content', b'foo'))",
    "call(tutils.tresp(), 'encode', 'bogus')",
    "tutils.tresp(headers=Headers(content_encoding='bogus')).content",
    "tutils.tresp(headers=Headers(content_encoding='bogus')).get_content(strict=False)",
    "head(call(tutils.tresp(headers=Headers(content_encoding='bogus')), 'set_content', b'x'))",
    "tutils.tresp(content=None).json()",
    "tutils.tresp(content=b'{\"a\": 1}').json()",
    "tutils.tresp(content=b'\\xff').text",
    "tutils.tresp(content=b'\\xff', headers=Headers(content_type='a/b; charset=utf-8')).text",
    "tutils.tresp(content=b'\\xff', headers=Headers(content_type='a/b; charset=utf-8'))"
    ".get_text(strict=False)",
    "head(call(tutils.tresp(), 'set_text', '€'))",
    "head(call(tutils.tresp(headers=Headers(transfer_encoding='chunked')), 'set_text', 'x'))",
    "head(call(tutils.tresp(headers=Headers(content_type='x/y; charset=bogus')), 'set_text', 'é'))",
    "head(call(tutils.tresp(), 'set_content', None))",
    "tutils.treq() == tutils.treq()",
    "head(call(tutils.tresp(headers=Headers([(b'date', b'Tue, 15 Nov 1994 08:12:31 GMT'),"
    " (b'set-cookie', b'a=b; expires=Tue, 15 Nov 1994 08:12:31 GMT'), (b'expires', b'bad')])),"
    " 'refresh', 946681302))",
    "status_codes.RESPONSES",
    "status_codes.NO_RESPONSE",
]
table("put(tutils.tresp(), 'content', @)", b"x", "x", 5, None)

# URLs, cookies, forms, codings.
table(
    "url.parse(@)",
    *["http://a", "http://a:80", "https://a/b?c#d", "http://[::1]:80/x", "a", "http:///x"],
    *["http://a:99999/", "http://a b/", "http://ü/", "//a/b", "ftp://a", "http://a?x=1"],
    *["HTTP://A/B", "http://u:p@h/", "http://a/b?", "http://a_b/", "http://a:0/"],
)
table(
    "[url.parse_authority(@, c) for c in (False,)]",
    *["a", "a:1", "[::1]", "[::1]:5", "::1", "a:", "a:b", "", "a:99999", "a b", b"xn--tda:5"],
)
table("url.parse_authority(@, True)", "a:", "a:b", "a b", "[::1]:5", "a:99999")
table("url.decode(@)", "a=b&c&d=&=e&a=%ff+x", "a;b=c", "")
ROWS += [
    "url.unparse('http', 'a', 80, '/x')",
    "url.hostport(b'https', b'a', 443)",
    "url.encode([('a', 'b c'), ('d', '')])",
    "url.encode([('a', 'b c'), ('d', '')], 'x&y=')",
    "url.encode([('d', '')], 'x')",
    "url.quote('a /é\\udcff')",
    "url.unquote('%20%ff%C3%A9+')",
]
table(
    "check.is_valid_host(@)",
    *["a", "1.2.3.4", "::1", "a.b.", "a..b", "-a", "a" * 64, "a_b", "ü", "a b", b"a", b"\xff"],
    *["*.x", "a" * 300, "[::1]"],
)
for _spec in (
    ("http://a", "https"),
    ("a", "http"),
    ("a:5", "tcp"),
    ("a", "tcp"),
    ("x://a:1", "x"),
    ("[::1]:5", "http"),
    ("http://a/", "x"),
    ("http://a/b", "x"),
    ("a:99999", "http"),
    ("dns://a", "x"),
    ("::1", "http"),
):
    ROWS.append(f"server_spec.parse(*{_spec!r})")
table("headers.assemble_content_type('a', 'b', @)", {}, {"c": "d", "e": "f"})
for _kind, _content in (
    ("", b""),
    ("", b"\xef\xbb\xbfx"),
    ("", b"\xff\xfe"),
    ("text/html", b""),
    ("text/html", b"<meta charset=gb2312>"),
    ("text/html", b'<META x content="text/html; charset=foo">'),
    ("text/xml", b'<?xml version="1.0" encoding="q"?>'),
    ("application/json; charset=z", b""),
    ("application/json", b""),
    ("text/css", b'@charset "x";'),
    ("text/javascript", b""),
    ("text/plain; charset=GBK", b""),
    ("image/png", b""),
):
    ROWS.append(f"headers.infer_content_encoding({_kind!r}, {_content!r})")
CT = "multipart/form-data; boundary=XX"
ROWS += [
    f"multipart.decode_multipart({CT!r}, multipart.encode_multipart({CT!r}, "
    "[(b'a', b'b'), (b'g', b'')]))",
    "multipart.encode_multipart('x', [(b'a', b'b')])",
    f"multipart.encode_multipart({CT!r}, [(b'a', b'--XX')])",
    "multipart.decode_multipart(None, b'x')",
]
table(
    f"multipart.decode_multipart({CT!r}, @)",
    b'--XX\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nv1\r\nv2\r\n--XX--\r\n',
    b"garbage",
    b"",
)
table(
    "cookies.parse_cookie_header(@)",
    *["a=b; c=d", "a", "a=", "=b", 'a="b;c"', 'a="b\\"c"; d=e', "a = b ; c = d", "a=b;;c=d"],
    *["a=b,c=d", ";", 'a="unterminated', 'a="b"c; d'],
)
table(
    "cookies.parse_set_cookie_header(@)",
    "a=b; Path=/; HttpOnly",
    "a=b; expires=Wed, 21 Oct 2015 07:28:00 GMT; path=/, c=d; secure",
    "a=b, c=d",
    "a",
    "",
    "a=; x=",
    'a="x, y"; p',
)
table(
    "cookies.refresh_set_cookie_header(@, 60)",
    "a=b; expires=Tue, 15 Nov 1994 08:12:31 GMT; Path=/",
    "a=b",
    "a",
    "a=b; expires=bad",
)
ROWS += [
    "cookies.format_cookie_header([('a', 'b,c'), ('d', 'e\\\\f'), ('g', ''), ('h', None)])",
    "cookies.CookieAttrs([('Path', '/')])['path']",
    "cookies.is_expired(cookies.CookieAttrs([('max-age', '0')]))",
    "cookies.is_expired(cookies.CookieAttrs([('expires', 'Thu, 24-Aug-2063 00:00:00 GMT')]))",
]
for _pair in (
    (b"foo", "gzip"),
    (b"foo", "deflate"),
    (b"foo", "identity"),
    (b"", "gzip"),
    (b"x", "bogus"),
    ("é", "utf8"),
    (None, "gzip"),
    (b"x", "none"),
):
    ROWS.append(f"encoding.encode(*{_pair!r})")
    ROWS.append(f"encoding.decode(encoding.encode(*{_pair!r}), {_pair[1]!r})")
ROWS += ["encoding.decode(b'foo', 'gzip')", "encoding.decode(b'foo', 'deflate')"]

# Flows and connections.
ROWS += [
    *[f"plain(tflow.tflows()[{i}].get_state())" for i in range(10)],
    "plain(tflow.twebsocketflow().get_state())",
    "[f.type for f in tflow.tflows()]",
    "[[e.name for e in eventsequence.iterate(f)] for f in tflow.tflows()]",
    "list(eventsequence.iterate(tflow.tdummyflow()))",
    "tflow.tflow(resp=True, ws=True, err=True)",
    "tflow.ttcpflow()",
    "tflow.tdnsflow(resp=True)",
    "(tflow.tflow().killable, tflow.tflow(live=False).killable)",
    "call(tflow.tflow(live=False), 'kill')",
    "put(call(tflow.tflow(), 'kill'), 'marked', 'x'), call(tflow.tflow(), 'kill').error.msg",
    "call(call(tflow.tflow(), 'intercept'), 'resume').intercepted",
    "call(tflow.tflow(), 'revert').modified()",
    "tflow.tflow().copy().live",
    "flow.Flow.from_state({**tflow.tflow().get_state(), 'foo': 1})",
    "flow.Flow.from_state({**tflow.tflow().get_state(), 'type': 'foo'})",
    "flow.Flow.from_state({**tflow.tflow().get_state(), 'version': 20})",
    "flow.Flow.from_state({k: v for k, v in tflow.tflow().get_state().items() if k != 'marked'})",
    "str(flow.Error('x'))",
    "flow.Error.KILLED_MESSAGE",
    "str(connection.Client(peername=('1.2.3.4', 5), sockname=('5.6.7.8', 9)))",
    "connection.Client(('a', 1), ('b', 2))",
    "connection.Client(peername=('a', 1), sockname=('b', 2), foo=1)",
    "connection.Server()",
    "str(connection.Server(address=('a', 1)))",
    "put(connection.Server(address=('a', 1), state=connection.ConnectionState.OPEN), 'address',"
    " ('b', 2))",
    "put(call(tflow.tserver_conn(), '__setattr__', 'state', connection.ConnectionState.OPEN),"
    " 'via', None)",
    "put(call(tflow.tserver_conn(), '__setattr__', 'state', connection.ConnectionState.OPEN),"
    " 'address', ('b', 2))",
    "str(tflow.tserver_conn()), str(tflow.tclient_conn())",
    "tflow.tclient_conn() == 5",
    "connection.Client.from_state({})",
    "tcp.TCPMessage(True, b'x', 1), udp.UDPMessage(False, b'y', 2).get_state()",
    "websocket.WebSocketMessage(1, True, b'hi', 1)",
    "websocket.WebSocketMessage(2, True, b'hi', 1).text",
    "websocket.WebSocketMessage(9, True, b'').type == 9",
    "put(websocket.WebSocketMessage(1, True, b''), 'text', 'é')",
    "tflow.twebsocket().get_state()",
]
table("getattr(exceptions, @).__mro__[1].__name__", "CommandError", "OptionsError", "AddonHalt")

# DNS.
RR = "dns.ResourceRecord('a', @, 1, 5, b'xx')"
table(f"str({RR}), {RR}.to_json()", 1, 28, 5, 99, 65, 16, 2, 15)
ROWS += [
    "tutils.tdnsreq().packed, tutils.tdnsresp().packed",
    "tutils.tdnsresp().to_json()",
    "dns.DNSMessage.from_json(tutils.tdnsresp().to_json()) == tutils.tdnsresp()",
    "dns.DNSMessage.unpack(tutils.tdnsresp().packed)",
    "dns.DNSMessage.unpack(b'x')",
    "dns.DNSMessage.unpack(tutils.tdnsresp().packed + b'x')",
    "dns.DNSMessage.unpack_from(tutils.tdnsresp().packed + b'x', 0)[0]",
    "dns.DNSMessage.unpack(b'\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\xc0\\x0c\\0\\1\\0\\1')",
    "tutils.tdnsreq().fail(0)",
    "tutils.tdnsreq().fail(3).response_code",
    "tutils.tdnsreq().succeed([]).recursion_available",
    "tutils.tdnsreq(id=70000).packed",
    "str(tutils.tdnsreq()), tutils.tdnsreq(questions=[]).question",
    "types.to_str(65280), types.from_str('A'), types.from_str('TYPE(5)')",
    "types.from_str('FOO')",
]

# Filters.
table(
    "matches(@)",
    *["foo bar", "~q", "~all", "~u google", "address", "~c 200", "~b hello", "~bq hello"],
    *['~bs "it.s"', "~d address", "~dst address", "~src 22", "~h qvalue", "~hs svalue"],
    *["~m get", "~http & ! ~c 404 | ~tcp", "!~q", "!!~q", "! &", "&", "|", "a & & b", "~q)"],
    *["~all&~q", "(~q)", "(~q )", "~u'foo'", "~c200", "~c abc", "", " ", "(a b)", "()", "~zz"],
    *["~u [", "a(b", '"unterm', "~websocket", "~e", "~s", "~dns", "~udp", "~c 5 | address"],
    *["~c 404 | ~c 200 & ~m POST", "a b | c", "~m GET~c 200", "~b ''", "~t css", "~replay"],
)
ROWS += ["flowfilter.help[-4:], [row[0] for row in flowfilter.help]"]

# Files.
table(
    "tnetstring.dumps(@)",
    *[None, True, 1, -3, 1.5, 1e16, "é", b"\xff", [1, [2]], (1,), {"a": 1, "b": {}}],
)
table(
    "tnetstring.loads(@)",
    *[b"0:~", b"4:true!", b"3:abc!", b"1:1#x", b"x:1#", b"3:1.5^", b"2:0:~]", b"3:0:~]", b"1:1?"],
)
ROWS += ["mitmproxy.io.read_flows_from_paths(['/nonexistent'])"]

# Helpers.
table("human.pretty_size(@)", 0, 27, 1023, 1024, 1500, 102400, 1048575, 1048576, 5 * 1024**3)
table("human.parse_size(@)", None, "1", "1k", "1.5k", "1m", "x", "")
table("human.pretty_duration(@)", None, 0, 0.012, 0.999, 1.234, 9.99, 12.34, 60, 100, 3600)
table(
    "human.format_address(@)",
    *[None, ("a", 1), ("::1", 5), ("::ffff:1.2.3.4", 5), ("0.0.0.0", 80), ("::1", 5, 0, 0)],
)
table("strutils.bytes_to_escaped_str(@)", b"foo\n\r\t\\x\x00\xff'\"", b"")
table("strutils.bytes_to_escaped_str(@, True)", b"foo\n\r\t\\x\x00\xff'\"")
table("strutils.escaped_str_to_bytes(@)", "\\n", "\\xff\\x00", "a\\\\b", "é", "\\'")
table("strutils.is_mostly_bin(@)", b"", b"a", b"\0" * 5, b"a" * 99 + b"\xff" * 9, "é".encode())
table("list(strutils.hexdump(@))", bytes(range(40)), b"")
table("strutils.escape_control_characters(@)", "a\x00b\n\t\rc\x7f\x80")
table(
    "[getattr(ProxyMode.parse(@), a) for a in ('full_spec', 'data', 'type_name', 'description',"
    " 'default_port', 'transport_protocol', 'custom_listen_host', 'custom_listen_port')]",
    *["regular", "regular@8081", "regular@1.2.3.4:8081", "regular:x", "reverse:http://a"],
    *["reverse:a:8080", "reverse:https://a/", "reverse:", "upstream:http://a:80", "upstream:a"],
    *["upstream:tcp://a:1", "socks5", "transparent", "dns", "dns@5353", "local", "local:curl"],
    *[
        "wireguard",
        "tun",
        "osproxy",
        "foo",
        "",
        "REGULAR",
        "regular@99999",
        "reverse:dns://8.8.8.8",
    ],
)

# HTTP/1 and TLS.
HELLO = (
    "0303" + "00" * 32 + "00" + "0004c02bc02f" + "0100" + "0024"
    "0000000e000c0000096c6f63616c686f7374" + "0010000e000c02683208687474702f312e31"
)
ROWS += [
    "http1.assemble_request(tutils.treq())",
    "http1.assemble_response(tutils.tresp())",
    "http1.assemble_request(tutils.treq(content=None))",
    "http1.assemble_response_head(tutils.tresp())",
    "http1.read_request_head([b'GET /x HTTP/1.1', b'a: b']).headers",
    "http1.read_response_head([b'HTTP/1.1 200 OK', b'a: b']).reason",
    "http1.expected_http_body_size(tutils.treq())",
    "http1.expected_http_body_size(tutils.treq(), tutils.tresp(status_code=204))",
    f"tls.ClientHello(bytes.fromhex({HELLO!r}))",
    f"tls.ClientHello(bytes.fromhex({HELLO!r})).cipher_suites",
    f"tls.ClientHello(bytes.fromhex({HELLO!r})).extensions",
    f"tls.ClientHello(bytes.fromhex({HELLO!r})).raw_bytes()",
]

# Options.
ROWS += [
    "optmanager.OptManager().update(nope=1)",
    "optmanager.OptManager().nope",
    "optmanager.OptManager().set('nope=1')",
    "optmanager.OptManager().toggler('nope')",
    "optmanager.OptManager().add_option('z', str, 5, 'h')",
]


def evaluate(expression: str) -> str:
    """The result of a row, or the type of its exception."""
    try:
        return repr(eval(expression, dict(ENV)))
    except BaseException as error:
        return f"raises {type(error).__name__}"


def main() -> None:
    """Print all results."""
    warnings.simplefilter("ignore")
    for row in ROWS:
        print(json.dumps([row, evaluate(row)]))


if __name__ == "__main__":
    main()
    sys.exit(0)
