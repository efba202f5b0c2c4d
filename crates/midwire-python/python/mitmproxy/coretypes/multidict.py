"""Ordered mappings in which a key may occur more than once."""

from typing import (
    Any,
    Callable,
    Iterable,
    Iterator,
    List,
    MutableMapping,
    Sequence,
    Tuple,
    TypeVar,
)

from mitmproxy.coretypes import serializable

KT = TypeVar("KT")
VT = TypeVar("VT")


class _MultiDict(MutableMapping[Any, Any]):
    """The methods common to multi dicts; ``fields`` holds all (key, value) pairs."""

    fields: Tuple[Tuple[Any, Any], ...]

    @staticmethod
    def _reduce_values(values: Sequence[Any]) -> Any:
        """What ``d[key]`` gives for a key that has these values (at least one)."""
        return values[0]

    @staticmethod
    def _kconv(key: Any) -> Any:
        """The form in which keys are compared."""
        return key

    def _positions(self, key: Any) -> List[int]:
        wanted = self._kconv(key)
        return [i for i, (k, _) in enumerate(self.fields) if self._kconv(k) == wanted]

    def __repr__(self) -> str:
        pairs = ", ".join(repr(field) for field in self.fields)
        return f"{type(self).__name__}[{pairs}]"

    def __getitem__(self, key: Any) -> Any:
        values = self.get_all(key)
        if not values:
            raise KeyError(key)
        return self._reduce_values(values)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.set_all(key, [value])

    def __delitem__(self, key: Any) -> None:
        gone = self._positions(key)
        if not gone:
            raise KeyError(key)
        self.fields = tuple(f for i, f in enumerate(self.fields) if i not in gone)

    def __iter__(self) -> Iterator[Any]:
        seen = set()
        for key, _ in self.fields:
            form = self._kconv(key)
            if form not in seen:
                seen.add(form)
                yield key

    def __len__(self) -> int:
        return len({self._kconv(key) for key, _ in self.fields})

    def __eq__(self, other: object) -> bool:
        if isinstance(other, _MultiDict):
            return self.fields == other.fields
        return False

    __hash__ = None  # type: ignore[assignment]

    def get_all(self, key: Any) -> List[Any]:
        """All values of a key, in order; empty if there are none."""
        wanted = self._kconv(key)
        return [v for k, v in self.fields if self._kconv(k) == wanted]

    def set_all(self, key: Any, values: Iterable[Any]) -> None:
        """Give a key exactly these values.

        Present occurrences keep place and spelling, further values go to the end."""
        wanted = self._kconv(key)
        left = list(values)
        left.reverse()
        fields = []
        for k, v in self.fields:
            if self._kconv(k) != wanted:
                fields.append((k, v))
            elif left:
                fields.append((k, left.pop()))
        fields.extend((key, value) for value in reversed(left))
        self.fields = tuple(fields)

    def add(self, key: Any, value: Any) -> None:
        """Append a pair and leave others with the same key alone."""
        self.insert(len(self.fields), key, value)

    def insert(self, index: int, key: Any, value: Any) -> None:
        """Put a pair before position ``index``."""
        self.fields = self.fields[:index] + ((key, value),) + self.fields[index:]

    def keys(self, multi: bool = False) -> Iterator[Any]:  # type: ignore[override]
        """The keys: each once, or with ``multi`` once per pair."""
        return (key for key, _ in self.items(multi))

    def values(self, multi: bool = False) -> Iterator[Any]:  # type: ignore[override]
        """The values: those of ``d[key]``, or with ``multi`` of every pair."""
        return (value for _, value in self.items(multi))

    def items(self, multi: bool = False) -> Iterator[Tuple[Any, Any]]:  # type: ignore[override]
        """(key, value): one per key, or with ``multi`` every pair."""
        if multi:
            yield from self.fields
        else:
            for key in self:
                yield key, self[key]


class MultiDict(_MultiDict, serializable.Serializable):
    """A multi dict that owns its pairs."""

    def __init__(self, fields: Iterable[Tuple[Any, Any]] = ()) -> None:
        super().__init__()
        self.fields = tuple(tuple(pair) for pair in fields)  # type: ignore[misc]

    def get_state(self) -> Any:
        """The pairs."""
        return self.fields

    def set_state(self, state: Any) -> None:
        """Take these pairs."""
        self.fields = tuple(tuple(pair) for pair in state)

    @classmethod
    def from_state(cls, state: Any) -> Any:
        """A multi dict with these pairs."""
        return cls(state)


class MultiDictView(_MultiDict):
    """A multi dict that reads its pairs from an owner and writes every change back to it."""

    def __init__(
        self,
        getter: Callable[[], Sequence[Tuple[Any, Any]]],
        setter: Callable[[Sequence[Tuple[Any, Any]]], Any],
    ) -> None:
        self._getter = getter
        self._setter = setter
        super().__init__()

    @property
    def fields(self) -> Tuple[Tuple[Any, Any], ...]:  # type: ignore[override]
        """The pairs as the owner has them now."""
        return tuple(self._getter())

    @fields.setter
    def fields(self, pairs: Sequence[Tuple[Any, Any]]) -> None:
        self._setter(pairs)

    def copy(self) -> MultiDict:
        """A multi dict of its own with the present pairs."""
        return MultiDict(self.fields)
