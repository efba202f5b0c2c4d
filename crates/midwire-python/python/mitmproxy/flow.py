"""What all flows have in common."""

import asyncio
import copy
import time
import uuid
from typing import Any, ClassVar, Dict, List, Optional, Set, Tuple, Type

from mitmproxy import _mirror, _tnetstring, connection, exceptions, version
from mitmproxy.coretypes import serializable


class Error(serializable.Serializable):
    """Why a flow failed: a message for the user and when it happened."""

    KILLED_MESSAGE: ClassVar[str] = "Connection killed."

    def __init__(self, msg: str, timestamp: Optional[float] = None) -> None:
        self.msg = msg
        self.timestamp = time.time() if timestamp is None else timestamp

    def __str__(self) -> str:
        return self.msg

    def __repr__(self) -> str:
        return self.msg

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Error):
            return NotImplemented
        return self.msg == other.msg and self.timestamp == other.timestamp

    __hash__ = None  # type: ignore[assignment]

    def get_state(self) -> Dict[str, Any]:
        """The error as a flow file stores it."""
        return {"msg": self.msg, "timestamp": float(self.timestamp)}

    def set_state(self, state: Dict[str, Any]) -> None:
        """Overwrite the error with a state."""
        self.msg = state["msg"]
        self.timestamp = float(state["timestamp"])

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> "Error":
        """An error from its state."""
        return cls(state["msg"], float(state["timestamp"]))


class Part:
    """An object inside of a flow that is made when a script first looks at it.

    Without ``__set__``, so that a value in the flow's own dict comes first and costs nothing."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._packed = "_packed_" + key

    def __get__(self, flow: Any, owner: Any = None) -> Any:
        if flow is None:
            return None
        put = flow.__dict__
        packed = put.get(self._packed)
        if packed is None:
            # Another thread has made it meanwhile, or there is none.
            found = put.setdefault(self._key, None)
            if found is None:
                flow._seen.setdefault(self._key, None)
            return found
        made = flow._unpack_part(self._key, packed)
        # Of two threads that look at the same time one wins for both.
        part = put.setdefault(self._key, made)
        if part is made:
            flow._seen[self._key] = made
        put.pop(self._packed, None)
        return part


_UNSEEN: Any = object()

_ATTRIBUTES = ("intercepted", "is_replay", "marked", "comment", "timestamp_created")
_PLAIN = frozenset(("is_replay", "marked", "comment", "timestamp_created", "id"))
"""Attributes that nothing follows from."""
_COMMON = ("version", "type", "id", "error", "client_conn", "server_conn", *_ATTRIBUTES)

_TYPES: Dict[str, Tuple[Any, ...]] = {
    "error": (Error,),
    "comment": (str,),
    "marked": (str,),
    "timestamp_created": (int, float),
    "client_conn": (connection.Client,),
    "server_conn": (connection.Server,),
}
"""Attributes that scripts often set, with the types that they may have."""


class Flow(serializable.Serializable):
    """The base of ``HTTPFlow``, ``TCPFlow``, ``UDPFlow`` and ``DNSFlow``."""

    id: str
    client_conn: connection.Client
    server_conn: connection.Server
    comment: str = ""
    error: Optional[Error] = None
    intercepted: bool = False
    """Does the flow wait for the user?"""
    marked: str = ""
    """The marker: empty, ``:default:``, an emoji code or a character."""
    is_replay: Optional[str] = None
    """``"request"``, ``"response"`` or ``None``."""
    live: bool
    """Is the flow being served by the proxy right now?"""
    timestamp_created: float = 0.0
    type: ClassVar[str] = ""

    # What the host reads; written past __setattr__, so that it is no change itself.
    _dirty: Set[str]
    _seen: Dict[str, Any]
    _metadata: Dict[str, Any]
    _metadata_seen: Optional[Dict[str, Any]] = None
    _resumed: Optional[Tuple[asyncio.AbstractEventLoop, asyncio.Event]] = None
    _backup: Optional[Dict[str, Any]] = None

    _types: ClassVar[Dict[str, Type["Flow"]]] = {}
    _parts: ClassVar[Dict[str, Any]] = {}
    """State keys that hold one object (or ``None``), with the class of the object."""
    _objects: ClassVar[Tuple[str, ...]] = ("client_conn", "server_conn")

    def __init__(
        self,
        client_conn: connection.Client,
        server_conn: connection.Server,
        live: bool = False,
    ) -> None:
        put = self.__dict__
        put["_dirty"] = set()
        put["_seen"] = {}
        put["_metadata"] = {}
        put["_metadata_seen"] = None
        put["_resumed"] = None
        put["_backup"] = None
        put["id"] = str(uuid.uuid4())
        put["client_conn"] = client_conn
        put["server_conn"] = server_conn
        put["live"] = live
        put["timestamp_created"] = time.time()
        put["error"] = None
        put["intercepted"] = False
        put["is_replay"] = None
        put["marked"] = ""
        put["comment"] = ""
        put["_seen"].update(error=None, client_conn=client_conn, server_conn=server_conn)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._objects = ("client_conn", "server_conn", *cls._parts)
        if cls.type:
            Flow._types[cls.type] = cls

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _TYPES or name in self._parts:
            value = self._checked(name, value)
        self._dirty.add(name)
        object.__setattr__(self, name, value)

    def _checked(self, name: str, value: Any) -> Any:
        """The value, if a flow can have it. TypeError: it cannot, said where the script sets it."""
        if name == "marked" and isinstance(value, bool):
            # Markers were booleans once.
            return ":default:" if value else ""
        kinds: Tuple[Any, ...] = _TYPES.get(name) or (self._parts[name],)
        optional = name == "error" or name in self._parts and name != "request"
        if isinstance(value, kinds) or optional and value is None:
            return value
        wanted = " or ".join(kind.__name__ for kind in kinds) + (" or None" if optional else "")
        raise TypeError(f"{name} of a flow must be {wanted}, not {type(value).__name__}.")

    @property
    def metadata(self) -> Dict[str, Any]:
        """Values of scripts. What a flow file can store is kept with the flow; other
        values stay in the script host for as long as the flow is alive."""
        if self._metadata_seen is None:
            self.__dict__["_metadata_seen"] = storable(self._metadata)
        return self._metadata

    @metadata.setter
    def metadata(self, value: Dict[str, Any]) -> None:
        if self._metadata_seen is None:
            self.__dict__["_metadata_seen"] = storable(self._metadata)
        self.__dict__["_metadata"] = value

    def get_state(self) -> Dict[str, Any]:
        """The flow as a flow file stores it."""
        state: Dict[str, Any] = {
            "version": version.FLOW_FORMAT_VERSION,
            "type": self.type,
            "id": self.id,
            "error": self.error.get_state() if self.error else None,
            "client_conn": self.client_conn.get_state(),
            "server_conn": self.server_conn.get_state(),
            "intercepted": self.intercepted,
            "is_replay": self.is_replay,
            "marked": self.marked,
            "metadata": copy.copy(self._metadata),
            "comment": self.comment,
            "timestamp_created": self.timestamp_created,
            "backup": None if self._backup is None else copy.copy(self._backup),
        }
        for key in self._parts:
            part = getattr(self, key)
            state[key] = None if part is None else part.get_state()
        return state

    def set_state(self, state: Dict[str, Any]) -> None:
        """Overwrite the flow with a flow-file state of the present version.

        KeyError: a key is missing; AssertionError: there are unknown ones."""
        state = dict(state)
        found = state.pop("version")
        if found != version.FLOW_FORMAT_VERSION:
            raise AssertionError(f"flow state has version {found!r}")
        kind = state.pop("type")
        if kind != self.type:
            raise AssertionError(f"flow state is of type {kind!r}, not {self.type!r}")
        self.id = state.pop("id")
        for key in ("client_conn", "server_conn"):
            self._set_connection(key, state.pop(key))
        error = state.pop("error")
        self.error = Error.from_state(error) if error else None
        for key in _ATTRIBUTES:
            setattr(self, key, state.pop(key))
        self.metadata = state.pop("metadata")
        self._backup = state.pop("backup")
        self._set_special(state)
        if state:
            raise AssertionError(f"unknown keys in flow state: {', '.join(map(str, state))}")

    def _set_connection(self, key: str, state: Dict[str, Any]) -> None:
        conn = getattr(self, key, None)
        if conn is not None and conn.id == state.get("id"):
            # The object is shared with the host and other flows: keep it.
            conn.set_state(state)
        else:
            kind = connection.Client if key == "client_conn" else connection.Server
            setattr(self, key, kind.from_state(state))

    def _set_special(self, state: Dict[str, Any]) -> None:
        for key, kind in self._parts.items():
            part = state.pop(key)
            setattr(self, key, None if part is None else kind.from_state(part))

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> "Flow":
        """A flow of the type that the state names. ValueError: unknown type."""
        kind = Flow._types.get(state["type"])
        if kind is None:
            raise ValueError(f"Unknown flow type: {state['type']}")
        client = connection.Client.from_state(state["client_conn"])
        server = connection.Server.from_state(state["server_conn"])
        flow = kind(client, server)
        flow.set_state(state)
        flow._settle()
        return flow

    def copy(self) -> Any:
        """An independent copy with a new id that is not live."""
        flow = super().copy()
        flow.live = False
        return flow

    def modified(self) -> bool:
        """Does the flow differ from its backup?"""
        if self._backup is None:
            return False
        now = self.get_state()
        now["backup"] = self._backup.get("backup")
        return bool(now != self._backup)

    def backup(self, force: bool = False) -> None:
        """Remember the present state, once, for ``revert``."""
        if self._backup is None:
            self._backup = self.get_state()

    def revert(self) -> None:
        """Go back to the backup and drop it."""
        if self._backup is not None:
            self.set_state(self._backup)
            self._backup = None

    @property
    def killable(self) -> bool:
        """Can ``kill`` be called?"""
        killed = self.error is not None and self.error.msg == Error.KILLED_MESSAGE
        return self.live and not killed

    def kill(self) -> None:
        """End the flow: nothing more is sent. ControlException: it is not killable."""
        if not self.killable:
            raise exceptions.ControlException("Flow is not killable.")
        self.error = Error(Error.KILLED_MESSAGE)
        self.live = False
        self.intercepted = False
        self._wake()

    def intercept(self) -> None:
        """Hold the flow until ``resume`` or ``kill``; nothing if it is held already."""
        if not self.intercepted:
            self.intercepted = True

    def resume(self) -> None:
        """Let a held flow go on; safe from any thread."""
        if self.intercepted:
            self.intercepted = False
            self._wake()

    def _wake(self) -> None:
        waiting = self._resumed
        if waiting is not None:
            loop, event = waiting
            self.__dict__["_resumed"] = None
            loop.call_soon_threadsafe(event.set)
        _mirror.bridge().resume_flow(self)

    async def wait_for_resume(self) -> None:
        """Wait until the flow is not held any more."""
        if not self.intercepted:
            return
        if self._resumed is None:
            self.__dict__["_resumed"] = (asyncio.get_running_loop(), asyncio.Event())
        resumed = self._resumed
        if resumed is not None:
            await resumed[1].wait()

    @property
    def timestamp_start(self) -> float:
        """When the flow began: its client connection, or the request of an HTTP flow."""
        return self.client_conn.timestamp_start

    # The internal interface of the host, described in mitmproxy._mirror.

    @staticmethod
    def _build(state: Dict[str, Any], client: Any, server: Any) -> "Flow":
        kind = Flow._types.get(state.get("type", "http"))
        if kind is None:
            raise ValueError(f"Unknown flow type: {state['type']}")
        flow = kind._blank(client, server)
        flow._absorb(state)
        flow._settle()
        return flow

    @classmethod
    def _blank(cls, client: Any, server: Any) -> "Flow":
        return cls(client, server)

    def _absorb(self, state: Dict[str, Any]) -> None:
        put = self.__dict__
        dirty: Set[str] = self._dirty
        for key, value in state.items():
            if key in _PLAIN:
                put[key] = value
            elif key in ("version", "type"):
                continue
            else:
                self._absorb_key(key, value)
            dirty.discard(key)

    def _absorb_key(self, key: str, value: Any) -> None:
        if key in self._parts:
            self._absorb_part(key, value)
        elif key in ("client_conn", "server_conn"):
            self._absorb_connection(key, value)
        elif key == "error":
            self.error = Error.from_state(value) if value else None
            self._seen["error"] = value
        elif key == "metadata":
            own = {k: v for k, v in self._metadata.items() if not storable({k: v})}
            self.__dict__["_metadata"] = {**own, **value}
            self.__dict__["_metadata_seen"] = None
        elif key == "backup":
            self.__dict__["_backup"] = value
        elif key == "intercepted":
            self.intercepted = value
            if not value and self._resumed is not None:
                loop, event = self._resumed
                self.__dict__["_resumed"] = None
                loop.call_soon_threadsafe(event.set)
        else:
            raise KeyError(f"{type(self).__name__} has no state {key!r}.")

    def _absorb_part(self, key: str, value: Any) -> None:
        if type(value) is bytes:
            put = self.__dict__
            put["_packed_" + key] = value
            put.pop(key, None)
            self._seen.pop(key, None)
            return
        part = getattr(self, key)
        fresh = isinstance(value, _mirror.Replaced)
        state = value.state if fresh else value
        if state is None:
            setattr(self, key, None)
        elif part is None or fresh:
            setattr(self, key, self._parts[key]._build(state))
        else:
            part._absorb(state)
            return
        self._seen[key] = getattr(self, key)

    def _unpack_part(self, key: str, packed: bytes) -> Any:
        """The object of a part that came packed: a tuple of its values in ``marshal`` form."""
        raise KeyError(f"{type(self).__name__} has no packed {key!r}.")

    def _absorb_connection(self, key: str, value: Any) -> None:
        if not isinstance(value, _mirror.Replaced):
            getattr(self, key)._absorb(value)
            return
        kind = connection.Client if key == "client_conn" else connection.Server
        setattr(self, key, kind._build(value.state))
        self._seen[key] = getattr(self, key)

    def _changes(self) -> Dict[str, Any]:
        changes: Dict[str, Any] = {}
        dirty: Set[str] = self._dirty
        if dirty:
            for key in _ATTRIBUTES:
                if key in dirty:
                    changes[key] = getattr(self, key)
        seen_error = self._seen.get("error")
        if self.error is not None or seen_error is not None:
            error = self.error.get_state() if self.error else None
            if error != seen_error:
                changes["error"] = error
        if self._metadata_seen is not None:
            values = storable(self._metadata)
            if values != self._metadata_seen:
                changes["metadata"] = values
        if "_backup" in dirty:
            changes["backup"] = self._backup
        for key in self._objects:
            self._part_changes(key, changes)
        return changes

    def _part_changes(self, key: str, changes: Dict[str, Any]) -> None:
        put = self.__dict__
        if key not in put:
            # Nobody has looked at it.
            return
        part = put[key]
        if part is not self._seen.get(key, _UNSEEN) and (part is not None or key in self._dirty):
            if part is not None and hasattr(part, "_check"):
                part._check()
            state = None if part is None else part.get_state()
            changes[key] = _mirror.Replaced(state)
        elif part is not None:
            inner = part._changes()
            if inner:
                changes[key] = inner

    def _settle(self) -> None:
        self._dirty.clear()
        self.__dict__["_metadata_seen"] = None
        seen = self._seen
        seen["error"] = self.error.get_state() if self.error else None
        put = self.__dict__
        for key in self._objects:
            part = put.get(key, _UNSEEN)
            if part is _UNSEEN:
                continue
            seen[key] = part
            if part is not None:
                part._settle()


class MessageList:
    """Tracks a list of TCP, UDP or WebSocket messages on behalf of its owner.

    Only messages that were edited, and whether the list itself was changed, are noted; the
    list may be long."""

    def __init__(self) -> None:
        self.count = 0
        self.last: Any = None
        self.edited: List[Any] = []

    def settle(self, messages: List[Any]) -> None:
        """Take the present messages as known."""
        last = messages[-1] if messages else None
        if len(messages) != self.count:
            for message in messages[self.count :]:
                self.watch(message)
        elif last is not self.last:
            for message in messages:
                self.watch(message)
        self.count = len(messages)
        self.last = last
        for message in self.edited:
            message._edits.clear()
        self.edited = []

    def watch(self, message: Any) -> None:
        """Have edits of a message reported here."""
        message._tracker = self

    def changes(self, messages: List[Any]) -> Any:
        """``None``, edits by index, or ``Replaced`` with all states."""
        last = messages[-1] if messages else None
        if len(messages) != self.count or last is not self.last:
            return _mirror.Replaced([message.get_state() for message in messages])
        edits: Dict[int, Dict[str, Any]] = {}
        for message in self.edited:
            for index in range(len(messages) - 1, -1, -1):
                if messages[index] is message:
                    edits[index] = {key: getattr(message, key) for key in message._edits}
                    break
        return edits or None

    def absorb(self, messages: List[Any], value: Any, kind: Any) -> List[Any]:
        """The list after a change by the core: see ``mitmproxy._mirror``."""
        if isinstance(value, _mirror.Appended):
            messages.extend(kind.from_state(state) for state in value.states)
        elif isinstance(value, dict):
            for index, edits in value.items():
                for key, content in edits.items():
                    setattr(messages[index], key, content)
                messages[index]._edits.clear()
        else:
            states = value.state if isinstance(value, _mirror.Replaced) else value
            messages = [kind.from_state(state) for state in states]
            self.count = 0
        self.settle(messages)
        return messages


class TrackedMessage(serializable.Serializable):
    """A message whose edits are reported to the list it is in."""

    _watched: ClassVar[Tuple[str, ...]] = ("content",)

    def __init__(self) -> None:
        self._edits: Set[str] = set()
        self._tracker: Optional[MessageList] = None

    def __setattr__(self, name: str, value: Any) -> None:
        tracker = self.__dict__.get("_tracker")
        if tracker is not None and name in self._watched:
            if not self._edits:
                tracker.edited.append(self)
            self._edits.add(name)
        object.__setattr__(self, name, value)


def storable(value: Dict[Any, Any]) -> Dict[str, Any]:
    """A deep copy of those entries that a flow file can store."""
    result = {}
    for key, item in value.items():
        if not isinstance(key, str):
            continue
        try:
            result[key] = _tnetstring.loads(_tnetstring.dumps(item))
        except (ValueError, TypeError, RecursionError):
            continue
    return result
