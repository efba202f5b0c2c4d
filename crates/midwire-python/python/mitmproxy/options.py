"""The options of the program."""

from typing import Any, Dict

from mitmproxy import _mirror, optmanager

CONF_DIR = "~/.mitmproxy"
CONF_BASENAME = "mitmproxy"


class Options(optmanager.OptManager):
    """All options of the core, and those that scripts add.

    Inside of midwire, values come from the core and changes go to it. Without it (in the
    tests of addons) they only live here."""

    def __init__(self, bridge: bool = False, **kwargs: Any) -> None:
        super().__init__()
        self.__dict__["_bridged"] = bridge
        if bridge:
            for spec in _mirror.bridge().option_specs():
                self._declare(spec)
        else:
            from mitmproxy._option_table import TABLE

            for name, typespec, default, choices in TABLE:
                self._options[name] = optmanager._Option(name, typespec, default, "", choices)
        self.update(**kwargs)

    def _declare(self, spec: _mirror.OptionSpec) -> None:
        option = optmanager._Option(spec.name, spec.typespec, spec.default, spec.help, spec.choices)
        if spec.value != spec.default:
            option.value = spec.value
        self._options[spec.name] = option

    def _commit(self, values: Dict[str, Any]) -> None:
        if self._bridged:
            _mirror.bridge().set_options(values)

    def add_option(
        self, name: str, typespec: Any, default: Any, help: str, choices: Any = None
    ) -> None:
        """Declare an option. TypeError: the default has the wrong type."""
        super().add_option(name, typespec, default, help, choices)
        if self._bridged:
            spec = _mirror.OptionSpec(name, typespec, default, help, choices, default)
            deferred = _mirror.bridge().add_option(spec)
            if deferred is not None:
                self.deferred[name] = optmanager._UnconvertedStrings(list(deferred))

    def apply_remote(self, values: Dict[str, Any]) -> None:
        """Take over changes of the core: listeners are told, the core is not.

        OptionsError: an addon refuses; nothing is changed then."""
        self._apply(values, lambda _: None)
