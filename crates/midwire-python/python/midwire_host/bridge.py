"""What the package ``mitmproxy`` asks of the core."""

from typing import Any, Dict, List, Optional, Sequence

from mitmproxy import _mirror, _tnetstring, exceptions, flow
from midwire_host import channel, mirror

_TYPES = {
    "bool": bool,
    "int": int,
    "optional int": Optional[int],
    "str": str,
    "optional str": Optional[str],
    "sequence of str": Sequence[str],
}


def kind_of(typespec: Any) -> str:
    """The core's name of a type of options. NotImplementedError: it has none."""
    text = str(typespec)
    for name, known in _TYPES.items():
        if typespec == known:
            return name
    for name, forms in (
        ("optional str", ("str | None", "None | str")),
        ("optional int", ("int | None", "None | int")),
    ):
        if text in forms:
            return name
    if "Sequence[str]" in text:
        return "sequence of str"
    raise NotImplementedError(f"unsupported option type: {typespec}")


class HostBridge(_mirror.Bridge):
    """The bridge of a script process."""

    def __init__(self, link: channel.Channel, copies: mirror.Mirror) -> None:
        self._link = link
        self._mirror = copies
        self.options: Any = None
        self.specs: List[_mirror.OptionSpec] = []
        self.commands: List[_mirror.CommandSpec] = []
        self.committing: Dict[str, int] = {}
        """Options whose news come from here, with the number of calls that are under way."""
        self.active: Dict[str, int] = {}
        """Flows whose hooks are running."""
        self.views: Dict[str, Any] = {}
        """Content views of scripts by name in lower case."""

    def greet(self, greeting: Dict[str, Any]) -> None:
        """Take what the core says first."""
        self._mirror.folder = greeting["folder"]
        self.specs = [
            _mirror.OptionSpec(name, _TYPES[kind], default, text, choices or None, value)
            for name, kind, default, text, choices, value in greeting["options"]
        ]
        self.commands = [
            _mirror.CommandSpec(name, tuple(map(tuple, parameters)), returns, text)
            for name, parameters, returns, text in greeting["commands"]
        ]

    # Content

    def encode_content(self, data: bytes, coding: str) -> Optional[bytes]:
        return self._coding(True, data, coding)

    def decode_content(self, data: bytes, coding: str) -> Optional[bytes]:
        return self._coding(False, data, coding)

    def _coding(self, encode: bool, data: bytes, coding: str) -> Optional[bytes]:
        try:
            return self._link.call(channel.CODING, (encode, data, coding))  # type: ignore[no-any-return]
        except channel.Failed as error:
            raise ValueError(str(error)) from None

    # Files

    def upgrade_flow(self, state: Dict[Any, Any]) -> Optional[Dict[str, Any]]:
        found = self.read_har(_tnetstring.dumps(state))
        return found[0] if found else None

    def read_har(self, data: bytes) -> Optional[List[Dict[str, Any]]]:
        try:
            return self._link.call(channel.READ_FLOWS, data)  # type: ignore[no-any-return]
        except channel.Failed as error:
            raise ValueError(str(error)) from None

    # Options

    def option_specs(self) -> Sequence[_mirror.OptionSpec]:
        return self.specs

    def set_options(self, values: Dict[str, Any]) -> None:
        self._commit(values, channel.SET_OPTIONS, {k: listed(v) for k, v in values.items()})

    def add_option(self, spec: _mirror.OptionSpec) -> None:
        kind = kind_of(spec.typespec)
        declared = (spec.name, kind, listed(spec.default), spec.help, tuple(spec.choices or ()))
        values = self._commit((spec.name,), channel.ADD_OPTION, declared)
        for name, value in values.items():
            # A value that was given before the option existed.
            self.options._options[name].set(value)

    def _commit(self, names: Any, op: int, payload: Any) -> Any:
        for name in names:
            self.committing[name] = self.committing.get(name, 0) + 1
        try:
            return self._link.call(op, payload)
        except channel.Failed as error:
            raise exceptions.OptionsError(str(error)) from None
        finally:
            for name in names:
                self.committing[name] -= 1
                if not self.committing[name]:
                    del self.committing[name]

    # Commands

    def command_specs(self) -> Sequence[_mirror.CommandSpec]:
        return self.commands

    def call_command(self, name: str, args: Sequence[Any]) -> Any:
        flows: List[Any] = []
        values = tuple(self._outgoing(arg, flows) for arg in args)
        try:
            shown = [self._mirror.adopt(f) for f in flows]
            payload = (name, values, shown, False)
            result, changed = self._link.call(channel.CALL_COMMAND, payload)
        except (channel.Failed, ValueError) as error:
            raise exceptions.CommandError(str(error)) from None
        return self._incoming(result, changed)

    def _outgoing(self, value: Any, flows: List[Any]) -> Any:
        if isinstance(value, flow.Flow):
            flows.append(value)
            return {"flow": value.id}
        if isinstance(value, (list, tuple)):
            if value and all(isinstance(item, flow.Flow) for item in value):
                flows.extend(value)
                return {"flows": [item.id for item in value]}
            return tuple(value)
        if isinstance(value, float):
            return str(value)
        return value

    def _incoming(self, result: Any, changed: List[Any]) -> Any:
        for item in changed:
            if len(item) == 1:
                self._mirror.flow(item[0])
            else:
                self._mirror.absorb(*item)
        return self.value_of(result)

    def value_of(self, value: Any) -> Any:
        """A value of the core with flows as objects."""
        if type(value) is dict:
            if "flow" in value:
                return self._mirror.get(value["flow"])
            found = (self._mirror.get(number) for number in value["flows"])
            return [item for item in found if item is not None]
        return value

    def result_of(self, value: Any, flows: List[Any]) -> Any:
        """The result of a script's command for the core."""
        return self._outgoing(value, flows)

    def add_command(self, spec: _mirror.CommandSpec) -> None:
        try:
            self._link.call(channel.ADD_COMMAND, (spec.name, spec.parameters, spec.returns, spec.help))
        except channel.Failed as error:
            raise exceptions.CommandError(str(error)) from None

    def resolve_flows(self, spec: str) -> Sequence[Any]:
        try:
            result, changed = self._link.call(channel.RESOLVE, spec)
        except channel.Failed as error:
            raise exceptions.CommandError(str(error)) from None
        return self._incoming(result, changed)  # type: ignore[no-any-return]

    # Flows and program

    def load_content(self, flow_id: str, part: int) -> Optional[bytes]:
        return self._mirror.load(flow_id, part)

    def resume_flow(self, flow: Any) -> None:
        # Inside of its hook the answer says so; and what the core does not know it cannot hold.
        if flow.id in self.active or self._mirror.get(flow.id) is not flow:
            return
        try:
            self._link.call(channel.RESUME, (flow.id, self._mirror.changes(flow)))
        except channel.Failed as error:
            raise exceptions.ControlException(str(error)) from None

    def load_flow(self, flow: Any) -> None:
        self._mirror.adopt(flow)
        try:
            self._link.call(channel.LOAD_FLOW, self._mirror.outgoing(flow.get_state()))
        except channel.Failed as error:
            raise exceptions.MitmproxyException(str(error)) from None

    def contentview_added(self, view: Any) -> None:
        self.views[str(view.name).lower()] = view
        syntax = str(getattr(view, "syntax_highlight", "none") or "none")
        try:
            self._link.call(channel.ADD_VIEW, (str(view.name), syntax))
        except channel.Failed as error:
            raise exceptions.MitmproxyException(str(error)) from None

    def shutdown(self) -> None:
        self._link.note(channel.SHUTDOWN, None)
        self._link.flush()


def listed(value: Any) -> Any:
    """Sequences in a form that frames have."""
    return tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else value
