"""The host's copies of flows and connections."""

import os
import threading
import weakref
from typing import Any, Callable, Dict, List, Optional, Tuple

from mitmproxy import _mirror
from midwire_host import channel

_INLINE = 64 * 1024


class Mirror:
    """Objects by the ids that the core knows them by.

    What is live is kept here. What the core has forgotten stays known for as long as a script
    holds it; then the core is told, so that it can forget the content as well."""

    def __init__(self, link: channel.Channel) -> None:
        self._link = link
        self._live: Dict[str, Any] = {}
        self._all: "weakref.WeakValueDictionary[str, Any]" = weakref.WeakValueDictionary()
        self._gone: List[str] = []
        self._lock = threading.Lock()
        self._number = 0
        self.folder = ""

    def client(self, reference: Tuple[str, Optional[Dict[str, Any]]]) -> Any:
        """The client connection of ``(id, state or None)``."""
        return self._connection(reference, _mirror.build_client)

    def server(self, reference: Tuple[str, Optional[Dict[str, Any]]]) -> Any:
        """The server connection of ``(id, state or None)``."""
        return self._connection(reference, _mirror.build_server)

    def _connection(self, reference: Any, build: Callable[[Any], Any]) -> Any:
        number, state = reference
        found = self._live.get(number)
        if found is None:
            found = self._all.get(number)
        if found is None:
            found = build(state if state is not None else {"id": number})
            _mirror.settle(found)
        elif state is not None:
            _mirror.absorb(found, state)
        else:
            return found
        self._live[number] = found
        self._all[number] = found
        return found

    def flow(self, reference: Any) -> Any:
        """The flow of ``(id, type, live, whole, client, server, newer parts)``."""
        number, kind, live, _whole, client_ref, server_ref, parts = reference
        client = self.client(client_ref)
        server = self.server(server_ref)
        self._unpack(number, parts)
        flow = self._live.get(number)
        if flow is None:
            flow = self._all.get(number)
        if flow is None:
            parts["type"] = kind
            parts["id"] = number
            flow = _mirror.build(parts, client, server)
        else:
            for key, conn in (("client_conn", client), ("server_conn", server)):
                if getattr(flow, key) is not conn:
                    self._rebind(flow, key, conn)
            if parts:
                _mirror.absorb(flow, parts)
        flow.__dict__["live"] = live
        self._live[number] = flow
        self._all[number] = flow
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
        link = self._link

        def load() -> Optional[bytes]:
            found = link.call(channel.CONTENT, (number, part))
            if not isinstance(found, str):
                return found  # type: ignore[no-any-return]
            with open(found, "rb") as file:
                data = file.read()
            os.unlink(found)
            return data

        return load

    def absorb(self, number: str, parts: Dict[str, Any]) -> None:
        """Newer parts of a flow that a script holds."""
        flow = self._live.get(number) or self._all.get(number)
        if flow is not None and parts:
            self._unpack(number, parts)
            _mirror.absorb(flow, parts)

    def get(self, number: str) -> Any:
        """The object of this id, or None."""
        found = self._live.get(number)
        return self._all.get(number) if found is None else found

    def forget(self, numbers: List[str]) -> None:
        """The core does not need these any more; scripts may."""
        for number in numbers:
            found = self._live.pop(number, None)
            if found is not None:
                self._watch(number, found)
            elif number not in self._all:
                self._gone.append(number)

    def _watch(self, number: str, found: Any) -> None:
        weakref.finalize(found, self._gone.append, number).atexit = False

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
        self._all[flow.id] = flow
        self._watch(flow.id, flow)
        return flow.id, True, state

    def changes(self, thing: Any) -> Dict[str, Any]:
        """What scripts have changed, in the form of frames; known to both sides from now on.

        ValueError: a script has set something that cannot be passed on."""
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
