"""Hooks: what an addon can be called for."""

import warnings
from typing import Any, ClassVar, Dict, List, Tuple, Type


class Hook:
    """A call of a hook. Subclasses name their arguments in the order of the call."""

    name: ClassVar[str] = ""
    _fields: ClassVar[Tuple[str, ...]] = ()

    def __init__(self, *args: Any) -> None:
        self._args = args
        for field, value in zip(self._fields, args):
            setattr(self, field, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = cls.__dict__.get("name", "")
        if not name and cls.__name__.endswith("Hook"):
            name = _name_of(cls.__name__)
            cls.name = name
        if not name or name == "start":
            return
        if name in all_hooks and all_hooks[name].__module__ != cls.__module__:
            warnings.warn(f"hook {name} is defined twice", RuntimeWarning, stacklevel=2)
        all_hooks[name] = cls

    def args(self) -> List[Any]:
        """The arguments of the call."""
        return list(self._args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._args))})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._args == other._args  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.name, tuple(map(id, self._args))))


def _name_of(class_name: str) -> str:
    letters: List[str] = []
    for char in class_name[: -len("Hook")]:
        if char.isupper() and letters:
            letters.append("_")
        letters.append(char.lower())
    return "".join(letters)


all_hooks: Dict[str, Type[Hook]] = {}
"""The class of each hook by name."""

_ARGUMENTS = {
    "configure": "updated",
    "done": "",
    "running": "",
    "update": "flows",
    "load": "loader",
    "add_log": "entry",
    "next_layer": "data",
    "socks5_auth": "data",
    "client_connected": "client",
    "client_disconnected": "client",
    "server_connect": "data",
    "server_connected": "data",
    "server_disconnected": "data",
    "server_connect_error": "data",
    "tls_clienthello": "data",
    "tls_start_client": "data",
    "tls_start_server": "data",
    "tls_established_client": "data",
    "tls_established_server": "data",
    "tls_failed_client": "data",
    "tls_failed_server": "data",
    "quic_start_client": "data",
    "quic_start_server": "data",
    "requestheaders": "flow",
    "request": "flow",
    "responseheaders": "flow",
    "response": "flow",
    "error": "flow",
    "http_connect": "flow",
    "http_connect_upstream": "flow",
    "http_connected": "flow",
    "http_connect_error": "flow",
    "websocket_start": "flow",
    "websocket_message": "flow",
    "websocket_end": "flow",
    "tcp_start": "flow",
    "tcp_message": "flow",
    "tcp_end": "flow",
    "tcp_error": "flow",
    "udp_start": "flow",
    "udp_message": "flow",
    "udp_end": "flow",
    "udp_error": "flow",
    "dns_request": "flow",
    "dns_response": "flow",
    "dns_error": "flow",
}
_CLASS_NAMES = {
    "requestheaders": "HttpRequestHeadersHook",
    "request": "HttpRequestHook",
    "responseheaders": "HttpResponseHeadersHook",
    "response": "HttpResponseHook",
    "error": "HttpErrorHook",
}

for _hook, _argument in _ARGUMENTS.items():
    _class = _CLASS_NAMES.get(
        _hook, "".join(part.capitalize() for part in _hook.split("_")) + "Hook"
    )
    globals()[_class] = type(
        _class,
        (Hook,),
        {
            "name": _hook,
            "_fields": (_argument,) if _argument else (),
            "__doc__": f"The hook ``{_hook}``.",
            "__module__": __name__,
        },
    )


def make(name: str, *args: Any) -> Hook:
    """The call of a hook by its name. KeyError: there is no such hook."""
    return all_hooks[name](*args)
