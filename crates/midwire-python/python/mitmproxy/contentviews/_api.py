"""The interface of content views."""

import pathlib
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from mitmproxy import flow as _flow

SyntaxHighlight = str
"""One of ``css``, ``javascript``, ``xml``, ``yaml``, ``none``, ``error``."""
SYNTAX_HIGHLIGHTS = ("css", "javascript", "xml", "yaml", "none", "error")


class Metadata:
    """What is known of the data that is to be shown."""

    def __init__(
        self,
        flow: "Optional[_flow.Flow]" = None,
        content_type: Optional[str] = None,
        http_message: Optional[Any] = None,
        tcp_message: Optional[Any] = None,
        udp_message: Optional[Any] = None,
        websocket_message: Optional[Any] = None,
        dns_message: Optional[Any] = None,
        protobuf_definitions: Optional[pathlib.Path] = None,
        original_data: Optional[bytes] = None,
    ) -> None:
        self.flow = flow
        self.content_type = content_type
        """The content type without parameters, in lower case."""
        self.http_message = http_message
        self.tcp_message = tcp_message
        self.udp_message = udp_message
        self.websocket_message = websocket_message
        self.dns_message = dns_message
        self.protobuf_definitions = protobuf_definitions
        self.original_data = original_data
        """The data before it was edited, when ``reencode`` is called."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Metadata) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        known = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if v is not None)
        return f"Metadata({known})"


class Contentview:
    """Turns data into text for people. Subclass it and pass it to ``contentviews.add``."""

    @property
    def name(self) -> str:
        """How users call the view: the class name without ``Contentview``."""
        name = type(self).__name__
        ending = "Contentview"
        return name[: -len(ending)] if name.endswith(ending) and name != ending else name

    @property
    def syntax_highlight(self) -> SyntaxHighlight:
        """How the text is coloured."""
        return "none"

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        """The text. Any exception: the data cannot be shown with this view."""
        raise NotImplementedError

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        """How well the view fits; the highest number wins, negative: only when asked for."""
        return 0

    def __lt__(self, other: Any) -> bool:
        return self.name.lower() < str(other.name).lower()


class InteractiveContentview(Contentview):
    """A view whose text can be edited."""

    def reencode(self, prettified: str, metadata: Metadata) -> bytes:
        """The data for an edited text."""
        raise NotImplementedError
