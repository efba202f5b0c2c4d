"""The host's copies of flows and connections."""

import functools
import os
import threading
import weakref
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from mitmproxy import _mirror, http
from midwire_host import channel

_INLINE = 64 * 1024

_INFO: Dict[str, Any] = {
    "error": None,
    "intercepted": False,
    "is_replay": None,
    "marked": "",
    "comment": "",
    "metadata": {},
}
_DEFAULTS: Dict[str, Dict[str, Any]] = {
    "http": {**_INFO, "response": None, "websocket": None},
    "tcp": _INFO,
    "udp": _INFO,
    "dns": {**_INFO, "response": None},
}
"""What a whole flow leaves out."""


class _Held(weakref.ref):  # type: ignore[type-arg]
    """A flow or connection that only scripts hold."""

    __slots__ = ("number",)

    number: str


class Mirror:
    """Objects by the ids that the core knows them by.

    What is live is kept here. What the core has forgotten stays known for as long as a script
    holds it; then the core is told, so that it can forget the content as well."""

    def __init__(self, link: channel.Channel) -> None:
        self._link = link
        self._live: Dict[str, Any] = {}
        self._held: Dict[str, _Held] = {}
        self._gone: List[str] = []
        self._lock = threading.Lock()
        self._number = 0
        self.folder = ""

    def client(self, reference: Tuple[str, Optional[Dict[str, Any]]]) -> Any:
        """The client connection of ``id``, or ``(id, state)`` with what is new."""
        return self._connection(reference, _mirror.build_client)

    def server(self, reference: Tuple[str, Optional[Dict[str, Any]]]) -> Any:
        """The server connection of ``id``, or ``(id, state)`` with what is new."""
        return self._connection(reference, _mirror.build_server)

    def _connection(self, reference: Any, build: Callable[[Any], Any]) -> Any:
        if type(reference) is str:
            # Nothing is new, so it is here, unless it was let go in between.
            found = self._live.get(reference)
            if found is not None:
                return found
            reference = reference, None
        number, state = reference
        found = self.get(number)
        if found is None:
            found = build(state if state is not None else {"id": number})
            _mirror.settle(found)
        elif state is not None:
            _mirror.absorb(found, state)
        self._live[number] = found
        return found

    def flow(self, reference: Any) -> Any:
        """The flow of ``(id, type, live, whole, client, server, newer parts)``."""
        number, kind, live, whole, client_ref, server_ref, parts = reference
        client = self.client(client_ref)
        server = self.server(server_ref)
        flow = self.get(number)
        if flow is None and kind == "http":
            flow = http.HTTPFlow._fresh(number, live, client, server, parts)
            if flow is not None:
                self._live[number] = flow
                return flow
        self._unpack(number, parts)
        if flow is None:
            parts["type"] = kind
            parts["id"] = number
            flow = _mirror.build(parts, client, server)
        else:
            for key, conn in (("client_conn", client), ("server_conn", server)):
                if getattr(flow, key) is not conn:
                    self._rebind(flow, key, conn)
            if whole:
                parts = {**_DEFAULTS[kind], **parts}
            if parts:
                _mirror.absorb(flow, parts)
        flow.__dict__["live"] = live
        self._live[number] = flow
        return flow

    @staticmethod
    def _rebind(flow: Any, key: str, conn: Any) -> None:
        # The flow goes over another connection from now on; no script has done that.
        flow.__dict__[key] = conn
        flow._seen[key] = conn

    def _unpack(self, number: str, parts: Dict[str, Any]) -> None:
        """Bring the parts of a frame into the forms that objects take."""
        for index, key in enumerate(("request", "response")):
            message = parts.get(key)
            if type(message) is dict and type(message.get("content")) is int:
                message["content"] = self._loader(number, index)
        new = parts.pop("+messages", None)
        if new is not None:
            parts["messages"] = _mirror.Appended(new)
        websocket = parts.get("websocket")
        if type(websocket) is dict:
            new = websocket.pop("+messages", None)
            if new is not None:
                websocket["messages"] = _mirror.Appended(new)

    def _loader(self, number: str, part: int) -> Callable[[], Optional[bytes]]:
        return functools.partial(self.load, number, part)

    def load(self, number: str, part: int) -> Optional[bytes]:
        """The content of a request (0) or response (1) that did not cross with its flow."""
        found = self._link.call(channel.CONTENT, (number, part))
        if not isinstance(found, str):
            return found  # type: ignore[no-any-return]
        with open(found, "rb") as file:
            data = file.read()
        os.unlink(found)
        return data

    def absorb(self, number: str, parts: Dict[str, Any]) -> None:
        """Newer parts of a flow that a script holds."""
        flow = self.get(number)
        if flow is not None and parts:
            self._unpack(number, parts)
            _mirror.absorb(flow, parts)

    def get(self, number: str) -> Any:
        """The object of this id, or None."""
        found = self._live.get(number)
        if found is None:
            held = self._held.get(number)
            if held is not None:
                found = held()
        return found

    def forget(self, numbers: Iterable[str]) -> None:
        """The core does not need these any more; scripts may."""
        for number in numbers:
            found = self._live.pop(number, None)
            if found is not None:
                self._watch(number, found)
            elif number not in self._held:
                self._gone.append(number)

    def _watch(self, number: str, found: Any) -> None:
        held = _Held(found, self._died)
        held.number = number
        self._held[number] = held

    def _died(self, held: Any) -> None:
        number = held.number
        if self._held.get(number) is held:
            del self._held[number]
            self._gone.append(number)

    def take_gone(self) -> List[str]:
        """Ids of objects that no script holds any more, since the last call."""
        if not self._gone:
            return self._gone
        gone, self._gone[:] = self._gone[:], []
        return [number for number in gone if number not in self._live]

    def adopt(self, flow: Any) -> Tuple[str, bool, Any]:
        """``(id, whole, changes)`` of a flow that is to be shown to the core."""
        if self.get(flow.id) is flow:
            changes = self.changes(flow)
            return flow.id, False, changes
        state = self.outgoing(flow.get_state())
        _mirror.settle(flow)
        self._watch(flow.id, flow)
        return flow.id, True, state

    def changes(self, thing: Any) -> Dict[str, Any]:
        """What scripts have changed, in the form of frames; known to both sides from now on.

        ValueError: a script has set something that cannot be passed on."""
        if type(thing) is http.HTTPFlow:
            changes = thing._packed_changes()
            if changes is not None:
                return self.outgoing(changes) if changes else changes
        changes = _mirror.changes(thing)
        if changes:
            changes = self.outgoing(changes)
            _mirror.settle(thing)
        return changes

    def outgoing(self, value: Any) -> Any:
        """The form of frames: ``("=", state)`` for what was replaced, files for large content."""
        if type(value) is _mirror.Replaced:
            return "=", self.outgoing(value.state)
        if type(value) is not dict:
            return value
        result = {}
        for key, item in value.items():
            if key == "content" and type(item) is bytes and len(item) > _INLINE:
                result[key] = self._file(item)
            elif type(item) is dict or type(item) is _mirror.Replaced:
                result[key] = self.outgoing(item)
            else:
                result[key] = item
        return result

    def _file(self, content: bytes) -> Tuple[str, int]:
        with self._lock:
            self._number += 1
            number = (os.getpid() << 24) | (self._number & 0xFFFFFF)
        with open(os.path.join(self.folder, f"h{number}"), "xb") as file:
            file.write(content)
        return "@", number
