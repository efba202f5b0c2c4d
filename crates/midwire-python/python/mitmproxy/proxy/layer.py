"""Layers: which protocol a connection is taken for.

The work of the layers is done by the core. A script chooses one in ``next_layer`` by making
an object of these classes, whose name and arguments the host passes on."""

from typing import Any, Optional

from mitmproxy import hooks
from mitmproxy.proxy import context as _context


class Layer:
    """A protocol that a connection is handled as."""

    kind: str = ""
    """The name under which the core knows the layer; empty: it cannot be chosen."""

    def __init__(self, context: _context.Context) -> None:
        self.context = context
        context.layers.append(self)
        self.debug: Optional[str] = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def _choice(self) -> Any:
        """(kind, arguments) for the core."""
        return self.kind, {}

    def _handle_event(self, event: Any) -> Any:
        from mitmproxy import exceptions

        raise exceptions.NotAvailable(
            f"{type(self).__name__} cannot handle events in a script: protocols are handled "
            "by midwire. Choose one of the layers of mitmproxy.proxy.layers instead."
        )

    handle_event = _handle_event


class NextLayer(Layer):
    """The argument of ``next_layer``: set ``layer`` to choose one."""

    layer: Optional[Layer]

    def __init__(self, context: _context.Context, ask_on_start: bool = False) -> None:
        super().__init__(context)
        context.layers.remove(self)
        self.layer = None
        self._from_client = b""
        self._from_server = b""

    def __repr__(self) -> str:
        return f"NextLayer:{self.layer!r}"

    def data_client(self) -> bytes:
        """What the client has sent so far."""
        return self._from_client

    def data_server(self) -> bytes:
        """What the server has sent so far."""
        return self._from_server


NextLayerHook = hooks.all_hooks["next_layer"]
