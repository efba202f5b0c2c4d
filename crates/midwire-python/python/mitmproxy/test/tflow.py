"""Flows for tests."""

import uuid
from typing import Any, List, Optional, Union

from mitmproxy import connection, dns, flow, http, tcp, udp, websocket
from mitmproxy.proxy import mode_specs
from mitmproxy.test import tutils


def tclient_conn() -> connection.Client:
    """An open client connection from 127.0.0.1:22 with TLS."""
    return connection.Client(
        id=str(uuid.uuid4()),
        peername=("127.0.0.1", 22),
        sockname=("", 0),
        state=connection.ConnectionState.OPEN,
        tls=False,
        certificate_list=[],
        alpn=b"http/1.1",
        alpn_offers=[],
        cipher="cipher",
        cipher_list=[],
        tls_version="TLSv1.2",
        sni="address",
        timestamp_start=946681200,
        timestamp_end=946681206,
        timestamp_tls_setup=946681201,
        proxy_mode=mode_specs.ProxyMode.parse("regular"),
    )


def tserver_conn() -> connection.Server:
    """A closed connection to address:22 with TLS."""
    return connection.Server(
        id=str(uuid.uuid4()),
        address=("address", 22),
        peername=("192.168.0.1", 22),
        sockname=("address", 22),
        state=connection.ConnectionState.CLOSED,
        tls=False,
        certificate_list=[],
        alpn=None,
        alpn_offers=[],
        cipher=None,
        cipher_list=[],
        tls_version="TLSv1.2",
        sni="address",
        timestamp_start=946681202,
        timestamp_tcp_setup=946681203,
        timestamp_tls_setup=946681204,
        timestamp_end=946681205,
    )


def terr(content: str = "error") -> flow.Error:
    """An error."""
    return flow.Error(content, 946681207)


def _error(err: Union[bool, None, flow.Error]) -> Optional[flow.Error]:
    return terr() if err is True else (err or None)


def _client(client_conn: Any) -> connection.Client:
    if client_conn is None or client_conn is True:
        return tclient_conn()
    return client_conn  # type: ignore[no-any-return]


def _server(server_conn: Any) -> connection.Server:
    if server_conn is None or server_conn is True:
        return tserver_conn()
    return server_conn  # type: ignore[no-any-return]


def tflow(
    *,
    client_conn: Optional[connection.Client] = None,
    server_conn: Optional[connection.Server] = None,
    req: Optional[http.Request] = None,
    resp: Union[bool, http.Response] = False,
    err: Union[bool, flow.Error] = False,
    ws: Union[bool, websocket.WebSocketData] = False,
    live: bool = True,
) -> http.HTTPFlow:
    """An HTTP flow."""
    f = http.HTTPFlow(_client(client_conn), _server(server_conn))
    f.timestamp_created = 946681200
    f.request = req or tutils.treq()
    f.response = tutils.tresp() if resp is True else (resp or None)
    f.error = _error(err)
    f.websocket = twebsocket() if ws is True else (ws or None)
    f.live = live
    f._settle()
    return f


def twebsocket(messages: bool = True) -> websocket.WebSocketData:
    """A finished WebSocket conversation."""
    ws = websocket.WebSocketData()
    if messages:
        opcode = websocket.Opcode
        ws.messages = [
            websocket.WebSocketMessage(opcode.BINARY, True, b"hello binary", 946681203),
            websocket.WebSocketMessage(opcode.TEXT, True, b"hello text", 946681204),
            websocket.WebSocketMessage(opcode.TEXT, False, b"it's me", 946681205),
        ]
    ws.closed_by_client = False
    ws.close_code = 1000
    ws.close_reason = "Close Reason"
    ws.timestamp_end = 946681205
    return ws


def twebsocketflow(
    messages: bool = True,
    err: Union[bool, None, flow.Error] = None,
    close_code: Optional[int] = None,
    close_reason: str = "",
) -> http.HTTPFlow:
    """An HTTP flow that was upgraded to WebSocket."""
    f = http.HTTPFlow(tclient_conn(), tserver_conn())
    f.timestamp_created = 946681200
    f.request = http.Request(
        "example.com",
        80,
        b"GET",
        b"http",
        b"example.com",
        b"/ws",
        b"HTTP/1.1",
        http.Headers(
            connection="upgrade",
            upgrade="websocket",
            sec_websocket_version="13",
            sec_websocket_key="1234",
        ),
        b"",
        None,
        946681200,
        946681201,
    )
    f.response = http.Response(
        b"HTTP/1.1",
        101,
        b"Switching Protocols",
        http.Headers(connection="upgrade", upgrade="websocket", sec_websocket_accept=b""),
        b"",
        None,
        946681202,
        946681203,
    )
    f.websocket = twebsocket(messages)
    f.websocket.close_reason = close_reason
    if close_code is not None:
        f.websocket.close_code = close_code
    elif err is None or err is False:
        f.websocket.close_code = 1000
    else:
        f.websocket.close_code = 1006
    f.error = _error(err)
    f.live = True
    f._settle()
    return f


def _stream(kind: Any, message: Any, arguments: Any) -> Any:
    client_conn, server_conn, messages, err = arguments
    f = kind(_client(client_conn), _server(server_conn))
    f.timestamp_created = 946681200
    if messages is True:
        messages = [
            message(True, b"hello", 946681204.2),
            message(False, b"it's me", 946681204.5),
        ]
    f.messages = messages or []
    f.error = _error(err)
    f.live = True
    f._settle()
    return f


def ttcpflow(
    client_conn: Any = True, server_conn: Any = True, messages: Any = True, err: Any = None
) -> tcp.TCPFlow:
    """A TCP flow with two messages."""
    f: tcp.TCPFlow = _stream(tcp.TCPFlow, tcp.TCPMessage, (client_conn, server_conn, messages, err))
    return f


def tudpflow(
    client_conn: Any = True, server_conn: Any = True, messages: Any = True, err: Any = None
) -> udp.UDPFlow:
    """A UDP flow with two messages."""
    f: udp.UDPFlow = _stream(udp.UDPFlow, udp.UDPMessage, (client_conn, server_conn, messages, err))
    return f


def tdnsflow(
    *,
    client_conn: Optional[connection.Client] = None,
    server_conn: Optional[connection.Server] = None,
    req: Optional[dns.DNSMessage] = None,
    resp: Union[bool, dns.DNSMessage] = False,
    err: Union[bool, flow.Error] = False,
    live: bool = True,
) -> dns.DNSFlow:
    """A DNS flow."""
    if client_conn is None:
        client_conn = tclient_conn()
        client_conn.proxy_mode = mode_specs.ProxyMode.parse("dns")
        client_conn.transport_protocol = "udp"
    f = dns.DNSFlow(client_conn, _server(server_conn))
    f.timestamp_created = 946681200
    f.request = req or tutils.tdnsreq()
    f.response = tutils.tdnsresp() if resp is True else (resp or None)
    f.error = _error(err)
    f.live = live
    f._settle()
    return f


class DummyFlow(flow.Flow):
    """A flow of a type of its own."""

    type = "dummy"


def tdummyflow(client_conn: Any = True, server_conn: Any = True, err: Any = None) -> DummyFlow:
    """A flow of a type that nothing knows."""
    f = DummyFlow(_client(client_conn), _server(server_conn))
    f.error = _error(err)
    f.live = True
    f._settle()
    return f


def _udp_server() -> connection.Server:
    server = tserver_conn()
    server.transport_protocol = "udp"
    return server


def tflows() -> List[flow.Flow]:
    """One flow of each type."""
    return [
        tflow(resp=True),
        tflow(err=True),
        tflow(ws=True),
        ttcpflow(),
        ttcpflow(err=True),
        tudpflow(),
        tudpflow(err=True),
        tdnsflow(resp=True, server_conn=_udp_server()),
        tdnsflow(req=tutils.tdnsreq(questions=[]), server_conn=_udp_server()),
        tdnsflow(err=True, server_conn=_udp_server()),
    ]
