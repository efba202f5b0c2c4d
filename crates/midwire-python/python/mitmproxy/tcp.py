"""TCP flows: whatever is not a protocol that is known better."""

import time
from typing import Any, Dict, List, Optional, Tuple

from mitmproxy import connection, flow


class TCPMessage(flow.TrackedMessage):
    """Bytes that one side sent to the other. Assign ``content`` to change them."""

    from_client: bool
    content: bytes
    timestamp: float

    def __init__(
        self, from_client: bool, content: bytes, timestamp: Optional[float] = None
    ) -> None:
        super().__init__()
        self.from_client = from_client
        self.content = content
        self.timestamp = timestamp or time.time()

    @classmethod
    def from_state(cls, state: Tuple[bool, bytes, float]) -> "TCPMessage":
        """A message from its state."""
        return cls(*state)

    def get_state(self) -> Tuple[bool, bytes, float]:
        """The message as a flow file stores it."""
        return self.from_client, self.content, self.timestamp

    def set_state(self, state: Tuple[bool, bytes, float]) -> None:
        """Overwrite the message with a state."""
        self.from_client, self.content, self.timestamp = state

    def __repr__(self) -> str:
        return f"{'->' if self.from_client else '<-'} {self.content!r}"


class TCPFlow(flow.Flow):
    """A TCP connection with the messages in both directions."""

    type = "tcp"
    _list: flow.MessageList
    messages: List[TCPMessage]

    def __init__(
        self,
        client_conn: connection.Client,
        server_conn: connection.Server,
        live: bool = False,
    ) -> None:
        super().__init__(client_conn, server_conn, live)
        self.__dict__["_list"] = flow.MessageList()
        self.messages = []
        self._settle()

    def __repr__(self) -> str:
        return f"<TCPFlow ({len(self.messages)} messages)>"

    def get_state(self) -> Dict[str, Any]:
        """The flow as a flow file stores it."""
        state = super().get_state()
        state["messages"] = [message.get_state() for message in self.messages]
        return state

    def _set_special(self, state: Dict[str, Any]) -> None:
        self.messages = [TCPMessage.from_state(m) for m in state.pop("messages")]

    def _absorb_key(self, key: str, value: Any) -> None:
        if key == "messages":
            self.messages = self._list.absorb(self.messages, value, TCPMessage)
        else:
            super()._absorb_key(key, value)

    def _changes(self) -> Dict[str, Any]:
        changes = super()._changes()
        messages = self._list.changes(self.messages)
        if messages is not None:
            changes["messages"] = messages
        return changes

    def _settle(self) -> None:
        super()._settle()
        if "_list" in self.__dict__:
            self._list.settle(self.messages)
