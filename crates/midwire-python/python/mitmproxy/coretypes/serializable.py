"""The interface of everything that can be stored in a flow file."""

import abc
import uuid
from typing import Any, TypeVar

T = TypeVar("T", bound="Serializable")


class Serializable(abc.ABC):
    """An object that can be turned into plain values (its state) and back."""

    @classmethod
    @abc.abstractmethod
    def from_state(cls, state: Any) -> Any:
        """Make an object from a state."""

    @abc.abstractmethod
    def get_state(self) -> Any:
        """The state of this object; shares no mutable parts with it."""

    @abc.abstractmethod
    def set_state(self, state: Any) -> None:
        """Overwrite this object with a state."""

    def copy(self: T) -> T:
        """An independent copy; a dict state with an ``id`` gets a new one."""
        state = self.get_state()
        if isinstance(state, dict) and "id" in state:
            state["id"] = str(uuid.uuid4())
        result: T = self.from_state(state)
        return result
