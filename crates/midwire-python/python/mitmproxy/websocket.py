"""WebSocket messages of an HTTP flow (RFC 6455)."""

import enum
import time
import warnings
from typing import Any, ClassVar, Dict, List, Optional, Set, Tuple, Union

from mitmproxy import flow
from mitmproxy.coretypes import serializable

WebSocketMessageState = Tuple[int, bool, bytes, float, bool, bool]


class Opcode(enum.IntEnum):
    """The types of WebSocket frames (RFC 6455 section 11.8)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class WebSocketMessage(flow.TrackedMessage):
    """A message from one side to the other, put together from its frames."""

    _watched: ClassVar[Tuple[str, ...]] = ("content", "dropped")
    from_client: bool
    type: Opcode
    content: bytes
    timestamp: float
    dropped: bool
    """True: it was not (or will not be) forwarded."""
    injected: bool
    """True: a script or the user made it."""

    def __init__(
        self,
        type: Union[int, Opcode],
        from_client: bool,
        content: bytes,
        timestamp: Optional[float] = None,
        dropped: bool = False,
        injected: bool = False,
    ) -> None:
        super().__init__()
        self.from_client = from_client
        self.type = Opcode(type)
        self.content = content
        self.timestamp = timestamp or time.time()
        self.dropped = dropped
        self.injected = injected

    @classmethod
    def from_state(cls, state: WebSocketMessageState) -> "WebSocketMessage":
        """A message from its state."""
        return cls(*state)

    def get_state(self) -> WebSocketMessageState:
        """The message as a flow file stores it."""
        return (
            int(self.type),
            self.from_client,
            self.content,
            self.timestamp,
            self.dropped,
            self.injected,
        )

    def set_state(self, state: WebSocketMessageState) -> None:
        """Overwrite the message with a state."""
        kind, self.from_client, self.content, self.timestamp, self.dropped, self.injected = state
        self.type = Opcode(kind)

    def __repr__(self) -> str:
        if self.type == Opcode.TEXT:
            return repr(self.content.decode(errors="replace"))
        return repr(self.content)

    @property
    def is_text(self) -> bool:
        """Is this a text message?"""
        return self.type == Opcode.TEXT

    def drop(self) -> None:
        """Do not forward this message."""
        self.dropped = True

    def kill(self) -> None:
        """Deprecated: use ``drop``."""
        warnings.warn(
            "WebSocketMessage.kill is deprecated, use .drop instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        self.drop()

    @property
    def text(self) -> str:
        """The content as text. AttributeError: it is a binary message."""
        if not self.is_text:
            raise AttributeError("Binary WebSocket frames do not have a 'text' attribute.")
        return self.content.decode()

    @text.setter
    def text(self, value: str) -> None:
        if not self.is_text:
            raise AttributeError("Binary WebSocket frames do not have a 'text' attribute.")
        self.content = value.encode()


_KEYS = ("closed_by_client", "close_code", "close_reason", "timestamp_end")


class WebSocketData(serializable.Serializable):
    """All that happened on a WebSocket connection."""

    _dirty: Set[str]
    _list: flow.MessageList
    messages: List[WebSocketMessage]
    closed_by_client: Optional[bool]
    close_code: Optional[int]
    """The code of the close frame (RFC 6455 section 7.1.5); 1006 without one."""
    close_reason: Optional[str]
    timestamp_end: Optional[float]

    def __init__(
        self,
        messages: Optional[List[WebSocketMessage]] = None,
        closed_by_client: Optional[bool] = None,
        close_code: Optional[int] = None,
        close_reason: Optional[str] = None,
        timestamp_end: Optional[float] = None,
    ) -> None:
        self.__dict__["_dirty"] = set()
        self.__dict__["_list"] = flow.MessageList()
        self.messages = [] if messages is None else messages
        self.closed_by_client = closed_by_client
        self.close_code = close_code
        self.close_reason = close_reason
        self.timestamp_end = timestamp_end
        self._settle()

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["_dirty"].add(name)
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<WebSocketData ({len(self.messages)} messages)>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WebSocketData):
            return NotImplemented
        return self.get_state() == other.get_state()

    __hash__ = None  # type: ignore[assignment]

    def get_state(self) -> Dict[str, Any]:
        """The data as a flow file stores it."""
        end = self.timestamp_end
        return {
            "messages": [message.get_state() for message in self.messages],
            "closed_by_client": self.closed_by_client,
            "close_code": self.close_code,
            "close_reason": self.close_reason,
            "timestamp_end": None if end is None else float(end),
        }

    def set_state(self, state: Dict[str, Any]) -> None:
        """Overwrite the data with a state."""
        self.messages = [WebSocketMessage.from_state(m) for m in state["messages"]]
        for key in _KEYS:
            setattr(self, key, state[key])

    @classmethod
    def from_state(cls, state: Dict[str, Any]) -> "WebSocketData":
        """The data from its state."""
        data = cls()
        data.set_state(state)
        data._settle()
        return data

    @classmethod
    def _build(cls, state: Dict[str, Any]) -> "WebSocketData":
        data = cls()
        data._absorb(state)
        return data

    def _absorb(self, state: Dict[str, Any]) -> None:
        for key, value in state.items():
            if key == "messages":
                self.messages = self._list.absorb(self.messages, value, WebSocketMessage)
            elif key in _KEYS:
                setattr(self, key, value)
            else:
                raise KeyError(f"WebSocketData has no state {key!r}.")
            self._dirty.discard(key)

    def _changes(self) -> Dict[str, Any]:
        changes: Dict[str, Any] = {key: getattr(self, key) for key in _KEYS if key in self._dirty}
        messages = self._list.changes(self.messages)
        if messages is not None:
            changes["messages"] = messages
        return changes

    def _settle(self) -> None:
        self._dirty.clear()
        self._list.settle(self.messages)

    def _get_formatted_messages(self) -> bytes:
        """All messages, one per line, each with its direction."""
        lines = []
        for message in self.messages:
            direction = b"[OUTGOING]" if message.from_client else b"[INCOMING]"
            lines.append(direction + b" " + message.content)
        return b"\n".join(lines)
