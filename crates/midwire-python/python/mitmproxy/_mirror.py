"""The contract between the objects that scripts see and the host that runs scripts.

This module is internal: scripts never need it. The host runtime (``midwire_host``)
uses three things from here, and nothing else that begins with an underscore.

1. Building and refreshing objects (host -> script)
---------------------------------------------------
Everything is exchanged as *flow-file state* (the dict that ``get_state`` gives, see the
flow file format), whole or in part.

``build(state, client, server) -> Flow``
    makes a flow from a state dict whose keys may be fewer than a file has: absent keys
    take their defaults. ``client``/``server`` are connection objects the host keeps by id
    and shares between flows (build them with ``Client.from_state`` / ``Server.from_state``,
    or ``build_client(state)`` / ``build_server(state)``, which accept partial dicts too).
    The new flow has no changes.

``absorb(thing, partial)``
    writes newer values of the core into a flow, an HTTP message, a WebSocketData or a
    connection without counting them as changes of the script. ``partial`` is a dict with
    only those state keys that are newer. Nested dicts (``request``, ``response``,
    ``websocket``, ``client_conn``, ``server_conn``) are partial again; if the object does
    not exist yet the dict is taken as a whole one. ``Replaced(state)`` always replaces.
    ``Appended([state, ...])`` adds to ``messages`` (TCP, UDP, WebSocket).

Lazy forms which ``build`` and ``absorb`` accept besides plain state values:

* ``headers`` / ``trailers``: ``bytes`` = a raw block (``name: value CRLF`` repeated, with or
  without the blank line at the end); parsed when first looked at.
* ``content``: a ``Loader`` (any callable without arguments that gives ``bytes`` or
  ``None``); called once, when a script first reads the content. A content that was never
  read is never called for, and is not reported as changed.
* ``request`` / ``response`` of an HTTP flow: ``bytes`` = a tuple of all values in ``marshal``
  form, in the order of ``RequestData._keys`` and ``ResponseData._keys``, with ``headers`` and
  ``trailers`` as raw blocks and ``content`` as bytes, ``None`` or an integer (then
  ``Bridge.load_content`` has it); the message is made when it is first looked at.
* ``certificate_list``, ``mitmcert``: PEM or DER bytes; parsed when first looked at.

2. Reading what a hook changed (script -> host)
-----------------------------------------------
``changes(thing) -> dict``
    the mirror image of ``absorb``: a partial state with only what differs since the last
    ``settle``. Keys are state keys. ``{}`` means that nothing was touched. Values:

    * HTTP messages: ``changes(flow)["request"] == {"headers": ((b"a", b"b"), ...), "path":
      b"/x", "content": b"..."}``: only the touched keys.
    * ``Replaced(state)``: the object was replaced by another (``flow.response =
      Response.make(...)`` -> ``Replaced({...})``, ``flow.response = None`` ->
      ``Replaced(None)``, ``flow.server_conn = ...``). DNS messages are always whole.
    * ``messages``: ``{index: {"content": b"...", "dropped": True}}`` for edited ones or
      ``Replaced([...])`` if the list itself was changed.
    * flow attributes (``marked``, ``comment``, ``intercepted``, ``is_replay``, ``error``,
      ``timestamp_created``, ``metadata``, ``backup``) by name; ``client_conn`` and
      ``server_conn`` as partial dicts of state keys.
    * not part of the state, therefore not in here: ``message.stream`` (read the attribute;
      ``False``, ``True`` or a callable) and, on ``tls``/``next_layer`` data objects, their
      documented attributes.

    Raises ``ValueError`` with a readable text if a script has put something into a message
    that must not go on a wire (CR, LF or NUL in a field, in the path, ...) or that
    cannot be stored (metadata). Setters refuse most of that at once already.

``settle(thing)``
    takes the present values as known to both sides. Call it after the changes were sent.

Cost: setting marks the key, reading costs nothing. ``Headers`` carry a version number, so
they may be shared between messages. Only ``metadata`` and DNS messages are compared by
value, and only if a script has looked at them.

3. Asking the core (script -> host, any time)
---------------------------------------------
``Bridge`` lists what the package wants from whoever runs it. The host installs a subclass
with ``install(bridge)``; without one (unit tests, plain import) the defaults below work as
far as pure Python can and otherwise raise a clear error.

Where the host plugs in elsewhere
---------------------------------
* ``mitmproxy.ctx``: set ``ctx.master`` and ``ctx.options`` (``ctx.log`` exists).
* ``mitmproxy.master.Master(options, event_loop)``: has ``addons``, ``commands``, ``options``,
  ``log``, ``event_loop``, ``should_exit``; the host may subclass it.
* ``mitmproxy.options.Options(bridge=True)``: starts from ``Bridge.option_specs`` and sends
  writes through ``Bridge.set_options``; the core's own changes come in by
  ``options.apply_remote({name: value})``, which fires ``changed`` but asks nobody.
* ``mitmproxy.command.CommandManager``: commands it does not know itself go to
  ``Bridge.call_command``; those that scripts add are announced by ``Bridge.add_command``.
* ``mitmproxy.addonmanager.AddonManager``: ``add``, ``remove``, ``await trigger_event(hook)``,
  ``trigger(hook)``, ``handle_lifecycle(hook)`` (the hook, then ``update`` for a flow),
  ``interest() -> set of hook names`` that its addons define, ``observed() -> set`` of those
  whose handlers only read (``midwire.observe``): nobody needs to wait for them.
  ``mitmproxy.hooks.make(name, *args)`` makes the hook objects.
* ``mitmproxy.contentviews``: ``prettify(data, metadata, name)`` and ``reencode_message`` run
  the views of scripts, ``registry`` has them.
* ``next_layer``: make ``layer.NextLayer(context)``, set ``_from_client``/``_from_server`` to the
  bytes seen, and read ``data.layer._choice() -> (kind, arguments)`` afterwards (``layer`` is
  ``None`` if no script chose). ``tls.ClientHelloData``: read ``ignore_connection`` and
  ``establish_server_tls_first``.
* ``mitmproxy.addons.script.load_script(path) -> module or None`` loads one file the way
  ``-s`` does (errors are logged); ``Script`` and ``ScriptLoader`` are in the same module.
"""

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

Loader = Callable[[], Optional[bytes]]
"""Gives the content of a message when a script reads it; ``None`` if it is missing."""


class Replaced(NamedTuple):
    """A whole state in place of a partial one: the object is a new one, or ``None``."""

    state: Any


class Appended(NamedTuple):
    """States of messages to put at the end of a list of messages."""

    states: List[Any]


class Bridge:
    """What the package asks of the program that runs it. The host overrides all of it.

    Every method may be called from the thread of the event loop; those marked (any thread)
    also from the threads of ``@concurrent`` hooks. All of them block until the answer is
    there.
    """

    def encode_content(self, data: bytes, coding: str) -> Optional[bytes]:
        """Encode with ``br`` or ``zstd`` (any thread); ``None``: cannot. Others never ask."""
        return None

    def decode_content(self, data: bytes, coding: str) -> Optional[bytes]:
        """Decode ``br`` or ``zstd`` (any thread); ``None``: cannot; ValueError: broken data."""
        return None

    def load_content(self, flow_id: str, part: int) -> Optional[bytes]:
        """The content of the request (0) or response (1) of a flow (any thread)."""
        return None

    def upgrade_flow(self, state: Dict[Any, Any]) -> Optional[Dict[str, Any]]:
        """Bring a flow state of an older format version to the present one; ``None``: cannot."""
        return None

    def read_har(self, data: bytes) -> Optional[List[Dict[str, Any]]]:
        """Flow states of the entries of a HAR file; ``None``: cannot; ValueError: no HAR."""
        return None

    def option_specs(self) -> Sequence["OptionSpec"]:
        """All options of the core with their present values."""
        return ()

    def set_options(self, values: Dict[str, Any]) -> None:
        """Change options of the core, all or none. OptionsError: refused.

        The scripts of this process have agreed already: the core must not ask them again
        with ``configure``."""

    def add_option(self, spec: "OptionSpec") -> Optional[Sequence[str]]:
        """A script declares an option. Gives the values (texts after ``=``) of ``--set`` that
        waited for it, which are set at once (and come back by ``set_options``)."""
        return None

    def command_specs(self) -> Sequence["CommandSpec"]:
        """All commands of the core."""
        return ()

    def call_command(self, name: str, args: Sequence[Any]) -> Any:
        """Run a command of the core with native values (flows as Flow objects).

        Raises ``mitmproxy.exceptions.CommandError`` if it fails."""
        from mitmproxy import exceptions

        raise exceptions.CommandError(f"Unknown command: {name}")

    def add_command(self, spec: "CommandSpec") -> None:
        """A script declares a command; the core calls it by ``CommandManager.call_strings``."""

    def resolve_flows(self, spec: str) -> Sequence[Any]:
        """Flows that a flow spec (``@all``, ``@focus``, a filter) selects in the core's view."""
        from mitmproxy import exceptions

        raise exceptions.CommandError("Unknown command: view.flows.resolve")

    def resume_flow(self, flow: Any) -> None:
        """A script has resumed or killed a flow outside of its hook (any thread)."""

    def load_flow(self, flow: Any) -> None:
        """Feed a flow made by a script through the hooks of all addons."""

    def shutdown(self) -> None:
        """End the program (any thread)."""

    def contentview_added(self, view: Any) -> None:
        """A script has registered a content view."""


class OptionSpec(NamedTuple):
    """One option: its Python type (``bool``, ``Optional[int]``, ``Sequence[str]`` ...)."""

    name: str
    typespec: Any
    default: Any
    help: str
    choices: Optional[Sequence[str]] = None
    value: Any = None
    """The present value; equal to the default if never set."""


class CommandSpec(NamedTuple):
    """One command as the core lists it: type names as in the documentation (``flow[]``)."""

    name: str
    parameters: Sequence[Tuple[str, str, str]]
    """(name, type name, kind): kind is ``required``, ``optional`` or ``variadic``."""
    returns: str
    help: str


_bridge: Bridge = Bridge()


def install(bridge: Bridge) -> Bridge:
    """Put the host's bridge in place; gives the former one, for tests to put back."""
    global _bridge
    former, _bridge = _bridge, bridge
    return former


def bridge() -> Bridge:
    """The installed bridge."""
    return _bridge


def build(state: Dict[str, Any], client: Any, server: Any) -> Any:
    """A flow of the type that ``state["type"]`` names (default ``http``); see the top."""
    from mitmproxy import flow

    return flow.Flow._build(state, client, server)


def build_client(state: Dict[str, Any]) -> Any:
    """A client connection from a (partial) state dict."""
    from mitmproxy import connection

    return connection.Client._build(state)


def build_server(state: Dict[str, Any]) -> Any:
    """A server connection from a (partial) state dict."""
    from mitmproxy import connection

    return connection.Server._build(state)


def absorb(thing: Any, partial: Dict[str, Any]) -> None:
    """Write the core's newer values into ``thing``; they do not count as changes."""
    thing._absorb(partial)


def changes(thing: Any) -> Dict[str, Any]:
    """What scripts have changed in ``thing`` since the last ``settle``; see the top."""
    result: Dict[str, Any] = thing._changes()
    return result


def settle(thing: Any) -> None:
    """Take the present values of ``thing`` as known to both sides."""
    thing._settle()
