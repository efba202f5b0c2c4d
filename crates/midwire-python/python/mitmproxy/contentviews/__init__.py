"""Content views: data as text for people. The built-in ones are part of the core."""

import logging
import traceback
import warnings
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Type, Union

from mitmproxy import _mirror
from mitmproxy.contentviews._api import (
    Contentview,
    InteractiveContentview,
    Metadata,
    SyntaxHighlight,
)
from mitmproxy.contentviews.base import View
from mitmproxy.utils import strutils

logger = logging.getLogger(__name__)


class _Raw(Contentview):
    """Shows data as it is."""

    @property
    def name(self) -> str:
        return "Raw"

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        return data.decode("utf-8", "backslashreplace")

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return 0.1


class _Legacy(Contentview):
    """A former view as a present one."""

    def __init__(self, view: View) -> None:
        self._view = view

    @property
    def name(self) -> str:
        return str(self._view.name)

    @staticmethod
    def _arguments(metadata: Metadata) -> Dict[str, Any]:
        return {
            "content_type": metadata.content_type,
            "flow": metadata.flow,
            "http_message": metadata.http_message,
        }

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        _, lines = self._view(data, **self._arguments(metadata))
        text = []
        for line in lines:
            parts = (strutils.always_str(part, "utf-8", "backslashreplace") for _, part in line)
            text.append("".join(part or "" for part in parts))
        return "\n".join(text)

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return self._view.render_priority(data, **self._arguments(metadata)) or 0


class ContentviewRegistry(Mapping[str, Contentview]):
    """The views of this process by name in lower case."""

    def __init__(self) -> None:
        self._by_name: Dict[str, Contentview] = {}

    def register(self, instance: Union[Contentview, Type[Contentview]]) -> None:
        """Add a view; one of the same name is replaced."""
        view: Any = instance() if isinstance(instance, type) else instance
        name = str(view.name).lower()
        if name in self._by_name:
            logger.info("Replacing existing %s contentview.", view.name)
        self._by_name[name] = view
        _mirror.bridge().contentview_added(view)

    def available_views(self) -> List[str]:
        """The names, ``auto`` first."""
        return ["auto", *sorted(self._by_name)]

    def get_view(self, data: bytes, metadata: Metadata, view_name: str = "auto") -> Contentview:
        """The view of a name, or the one that fits best."""
        if view_name != "auto":
            found = self._by_name.get(view_name.lower())
            if found is not None:
                return found
            logger.warning("Unknown contentview %r, selecting best match instead.", view_name)
        best: Optional[Contentview] = None
        highest = float("-inf")
        for view in self._by_name.values():
            priority = _priority(view, data, metadata)
            if priority > highest:
                best, highest = view, priority
        if best is None:
            raise LookupError("there are no content views")
        return best

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __getitem__(self, name: str) -> Contentview:
        return self._by_name[name.lower()]

    def __len__(self) -> int:
        return len(self._by_name)


def _priority(view: Contentview, data: bytes, metadata: Metadata) -> float:
    try:
        priority = view.render_priority(data, metadata)
        if not isinstance(priority, (int, float)):
            raise TypeError(f"render_priority gave {priority!r}, which is no number")
        return priority
    except Exception:
        logger.exception("Error in %s.render_priority", view.name)
        return 0


registry = ContentviewRegistry()
registry.register(_Raw())


class ContentviewResult(NamedTuple):
    """Data as it is shown."""

    text: str
    syntax_highlight: str
    view_name: Optional[str]
    description: str


def prettify(data: bytes, metadata: Metadata, view_name: str = "auto") -> ContentviewResult:
    """Show data with a view of this process; the host calls this for views of scripts."""
    view = registry.get_view(data, metadata, view_name)
    try:
        text = view.prettify(data, metadata)
        if not isinstance(text, str):
            raise TypeError(f"prettify gave {type(text).__name__}, not str")
        result = ContentviewResult(text, view.syntax_highlight, view.name, "")
    except Exception:
        if view_name != "auto":
            text = f"Couldn't parse as {view.name}:\n{traceback.format_exc()}"
            return ContentviewResult(text, "error", view.name, "")
        text = _Raw().prettify(data, metadata)
        result = ContentviewResult(text, "none", "Raw", f"[failed to parse as {view.name}]")
    return result._replace(text=strutils.escape_control_characters(result.text))


def metadata_for(message: Any, flow: Any) -> Metadata:
    """What is known of a message."""
    from mitmproxy import dns, http, tcp, udp, websocket

    metadata = Metadata(flow=flow)
    if isinstance(message, http.Message):
        metadata.http_message = message
        kind = message.headers.get("content-type")
        metadata.content_type = kind.partition(";")[0].strip().lower() if kind else None
    elif isinstance(message, tcp.TCPMessage):
        metadata.tcp_message = message
    elif isinstance(message, udp.UDPMessage):
        metadata.udp_message = message
    elif isinstance(message, websocket.WebSocketMessage):
        metadata.websocket_message = message
    elif isinstance(message, dns.DNSMessage):
        metadata.dns_message = message
    return metadata


def prettify_message(message: Any, flow: Any, view_name: str = "auto") -> ContentviewResult:
    """Show the content of a message with the views of this process."""
    description = ""
    try:
        data = message.content
    except ValueError:
        data, description = message.raw_content, "[cannot decode]"
    else:
        coding = getattr(message, "headers", {}).get("content-encoding")
        if coding and data is not None and data != message.raw_content:
            description = f"[decoded {coding}]"
    if data is None:
        return ContentviewResult("Content is missing.", "error", None, description)
    result = prettify(data, metadata_for(message, flow), view_name)
    words = [word for word in (description, result.description) if word]
    return result._replace(description=" ".join(words))


def reencode_message(prettified: str, message: Any, flow: Any, view_name: str) -> bytes:
    """The data for an edited text. ValueError: the view cannot do that."""
    metadata = metadata_for(message, flow)
    try:
        metadata.original_data = message.content
    except ValueError:
        metadata.original_data = message.raw_content
    view = registry[view_name.lower()]
    if not hasattr(view, "reencode"):
        raise ValueError(f"Contentview {view.name} is not interactive.")
    data: bytes = view.reencode(prettified, metadata)
    return data


def add(contentview: Union[Contentview, Type[Contentview], View]) -> None:
    """Register a content view (an object or a class)."""
    if isinstance(contentview, View):
        warnings.warn(
            f"`contentviews.View` is deprecated, {type(contentview).__name__} should be a "
            "`contentviews.Contentview`.",
            stacklevel=2,
        )
        contentview = _Legacy(contentview)
    registry.register(contentview)


def get(name: str) -> Optional[Contentview]:
    """Deprecated: the view of a name."""
    warnings.warn("contentviews.get is deprecated.", DeprecationWarning, stacklevel=2)
    return registry._by_name.get(name.lower())


def remove(view: Any) -> None:
    """Deprecated: forget a view."""
    warnings.warn("contentviews.remove is deprecated.", DeprecationWarning, stacklevel=2)
    registry._by_name.pop(str(view.name).lower(), None)


__all__ = [
    "Contentview",
    "ContentviewRegistry",
    "ContentviewResult",
    "InteractiveContentview",
    "Metadata",
    "SyntaxHighlight",
    "View",
    "add",
    "get",
    "prettify",
    "prettify_message",
    "reencode_message",
    "registry",
    "remove",
]
