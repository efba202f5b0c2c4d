"""Arguments of hooks: from frames to objects and back."""

from typing import Any, List, Optional, Tuple

from mitmproxy import _mirror, ctx, flow, http, tls
from mitmproxy.proxy import context, layer, layers, server_hooks
from mitmproxy.proxy.layers import modes
from midwire_host import mirror

FLOW_HOOKS = frozenset(
    f"http_{name}" for name in ("connect", "connect_upstream", "connected", "connect_error")
) | frozenset(
    (
        "requestheaders request responseheaders response error websocket_start websocket_message "
        "websocket_end tcp_start tcp_message tcp_end tcp_error udp_start udp_message udp_end "
        "udp_error dns_request dns_response dns_error"
    ).split()
)


def take(name: str, value: Any, copies: mirror.Mirror) -> Any:
    """The argument of a hook."""
    if name in FLOW_HOOKS:
        return copies.flow(value)
    client = copies.client(value[0])
    if name in ("client_connected", "client_disconnected"):
        return client
    if name == "socks5_auth":
        return modes.Socks5AuthData(client, *value[1:])
    server = copies.server(value[1])
    if name.startswith("server_"):
        return server_hooks.ServerConnectionHookData(server, client)
    around = context.Context(client, ctx.options)
    around.server = server
    if name == "next_layer":
        return _next_layer(around, value)
    if name == "tls_clienthello":
        data = tls.ClientHelloData(around, tls.ClientHello(value[2]))
        data.ignore_connection = value[3]
        data.establish_server_tls_first = value[4]
        return data
    conn = client if name.endswith("_client") else server
    if name.startswith("quic_start"):
        return tls.QuicTlsData(conn, around)
    return tls.TlsData(conn, around, None, value[2])


_LAYERS = {
    "tls": lambda around: layers.ClientTLSLayer(around),
    "tcp": lambda around: layers.TCPLayer(around),
    "udp": lambda around: layers.UDPLayer(around),
    "dns": lambda around: layers.DNSLayer(around),
    "ignore": lambda around: layers.TCPLayer(around, ignore=True),
    "http": lambda around: layers.HttpLayer(around, layers.http.HTTPMode.transparent),
}


def _next_layer(around: Any, value: Any) -> Any:
    data = layer.NextLayer(around)
    data._from_client, data._from_server = value[2], value[3]
    make = _LAYERS.get(value[4])
    if make is not None:
        data.layer = make(around)
    return data


def give(name: str, argument: Any, copies: mirror.Mirror) -> Any:
    """What the core is told after the hook; ``None`` if nothing has changed."""
    if name in FLOW_HOOKS:
        return _give_flow(argument, copies)
    if name in ("client_connected", "client_disconnected"):
        return copies.changes(argument) or None
    if name == "socks5_auth":
        return bool(argument.valid)
    if name.startswith("server_"):
        return copies.changes(argument.server) or None
    if name == "next_layer":
        return _chosen(argument.layer)
    if name == "tls_clienthello":
        return bool(argument.ignore_connection), bool(argument.establish_server_tls_first)
    changed = {}
    for key in ("client", "server"):
        changes = copies.changes(getattr(argument.context, key))
        if changes:
            changed[key] = changes
    return changed or None


def settle(name: str, argument: Any) -> None:
    """Take the argument as it is, without telling anybody."""
    if name in FLOW_HOOKS or name.startswith("client_"):
        _mirror.settle(argument)
    elif name.startswith("server_"):
        _mirror.settle(argument.server)


_CHOICES = {"client_tls": "tls", "server_tls": "tls", "http": "http", "dns": "dns"}


def _chosen(chosen: Any) -> Optional[str]:
    if chosen is None:
        return None
    kind, options = chosen._choice()
    if kind in ("tcp", "udp"):
        return "ignore" if options.get("ignore") else str(kind)
    if kind not in _CHOICES:
        raise ValueError(f"{type(chosen).__name__} cannot be chosen in next_layer")
    return _CHOICES[kind]


def _give_flow(thing: Any, copies: mirror.Mirror) -> Any:
    changes = copies.changes(thing)
    put = thing.__dict__
    streams = (0, 0)
    if isinstance(thing, http.HTTPFlow):
        # A message that nobody has looked at is not made for this.
        streams = _stream(put.get("request")), _stream(put.get("response"))
    if not changes and streams == put.get("_streams", (0, 0)):
        return None
    put["_streams"] = streams
    return (changes or None, *streams)


def _stream(message: Any) -> int:
    stream = False if message is None else message.stream
    if stream is False:
        return 0
    if callable(stream):
        return 2
    return 1 if stream else 0


def metadata(data: bytes, content_type: Optional[str], kind: str) -> Any:
    """What a content view is told about a message."""
    from mitmproxy import contentviews, tcp, udp, websocket

    plain = content_type.partition(";")[0].strip().lower() if content_type else None
    about = contentviews.Metadata(content_type=plain)
    if kind == "http":
        headers = {"content-type": content_type} if content_type else {}
        about.http_message = http.Response.make(200, data, headers)
    elif kind == "tcp":
        about.tcp_message = tcp.TCPMessage(True, data)
    elif kind == "udp":
        about.udp_message = udp.UDPMessage(True, data)
    elif kind == "websocket":
        about.websocket_message = websocket.WebSocketMessage(2, True, data)
    return about


def peer_of(argument: Any) -> Optional[Tuple[Any, ...]]:
    """Address of the client for whom a hook runs."""
    if isinstance(argument, flow.Flow):
        return argument.client_conn.peername
    for path in (("client_conn",), ("client",), ("context", "client"), ()):
        found = argument
        for name in path:
            found = getattr(found, name, None)
        peer = getattr(found, "peername", None)
        if peer:
            return peer  # type: ignore[no-any-return]
    return None


def command_args(found: Any, values: List[Any]) -> List[Any]:
    """The arguments of a command as the core binds them: one for each parameter."""
    parameters = list(found.signature.parameters.values())
    if parameters and parameters[-1].kind is parameters[-1].VAR_POSITIONAL and values:
        return [*values[:-1], *(values[-1] or ())]
    while values and values[-1] is None and len(values) <= len(parameters):
        if parameters[len(values) - 1].default is parameters[0].empty:
            break
        values.pop()
    return values
