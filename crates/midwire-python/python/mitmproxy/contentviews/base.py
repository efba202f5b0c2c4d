"""The former interface of content views; use ``contentviews.Contentview`` instead."""

import abc
from typing import Any, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

TViewLine = List[Tuple[str, Union[str, bytes]]]
TViewResult = Tuple[str, Iterator[TViewLine]]


class View(abc.ABC):
    """A former content view."""

    name: str

    @abc.abstractmethod
    def __call__(
        self,
        data: bytes,
        *,
        content_type: Optional[str] = None,
        flow: Optional[Any] = None,
        http_message: Optional[Any] = None,
        **unknown_metadata: Any,
    ) -> Any:
        """(title, lines of (style, text))."""

    def render_priority(
        self,
        data: bytes,
        *,
        content_type: Optional[str] = None,
        flow: Optional[Any] = None,
        http_message: Optional[Any] = None,
        **unknown_metadata: Any,
    ) -> float:
        """How well the view fits."""
        return 0

    def __lt__(self, other: "View") -> bool:
        return self.name < other.name


def format_text(text: Union[str, bytes]) -> Iterator[TViewLine]:
    """Lines of plain text."""
    for line in text.splitlines():
        yield [("text", line)]


def format_pairs(
    items: Iterable[Tuple[Union[str, bytes], Union[str, bytes]]],
) -> Iterator[TViewLine]:
    """One line for each pair, the values below each other."""
    pairs = [(_bytes(key), _bytes(value)) for key, value in items]
    width = min(max((len(key) for key, _ in pairs), default=0), 30)
    for key, value in pairs:
        yield [("header", (key + b":").ljust(width + 2)), ("text", value)]


def format_dict(d: Mapping[Union[str, bytes], Union[str, bytes]]) -> Iterator[TViewLine]:
    """One line for each entry."""
    return format_pairs(d.items())


def _bytes(text: Union[str, bytes]) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
