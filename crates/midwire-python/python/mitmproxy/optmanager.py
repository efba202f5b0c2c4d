"""Options: typed values that addons declare, read and watch."""

import contextlib
import copy
import os
import pprint
import weakref
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Set,
    get_origin,
)

from mitmproxy import exceptions
from mitmproxy.utils import signals, typecheck

unset = object()


class _Option:
    """One option."""

    def __init__(
        self,
        name: str,
        typespec: Any,
        default: Any,
        help: str,
        choices: Optional[Sequence[str]],
    ) -> None:
        typecheck.check_option_type(name, default, typespec)
        self.name = name
        self.typespec = typespec
        self._default = default
        self.value: Any = unset
        self.help = help.strip()
        self.choices = choices

    def __repr__(self) -> str:
        return f"{self.current()} [{self.typespec}]"

    @property
    def default(self) -> Any:
        """A copy of the default."""
        return copy.deepcopy(self._default)

    def current(self) -> Any:
        """A copy of the present value."""
        value = self._default if self.value is unset else self.value
        return copy.deepcopy(value)

    def set(self, value: Any) -> None:
        """Set the value. TypeError: it has the wrong type."""
        typecheck.check_option_type(self.name, value, self.typespec)
        self.value = value

    def reset(self) -> None:
        """Go back to the default."""
        self.value = unset

    def has_changed(self) -> bool:
        """Does the value differ from the default?"""
        return self.current() != self._default  # type: ignore[no-any-return]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Option):
            return NotImplemented
        keys = ("name", "typespec", "_default", "help", "choices")
        return all(getattr(self, key) == getattr(other, key) for key in keys)

    __hash__ = None  # type: ignore[assignment]

    def __deepcopy__(self, _: Any) -> "_Option":
        option = _Option(self.name, self.typespec, self.default, self.help, self.choices)
        if self.value is not unset:
            option.value = self.current()
        return option


class _UnconvertedStrings:
    """Values for an option that is not declared yet, as text."""

    def __init__(self, val: List[str]) -> None:
        self.val = val

    def __repr__(self) -> str:
        return f"_UnconvertedStrings(val={self.val!r})"


def _changed(updated: Set[str]) -> None: ...


def _errored(exc: Exception) -> None: ...


class OptManager:
    """A set of options. They are also attributes: ``options.name`` reads and writes.

    All changes are made at once or not at all: an addon refuses one by raising OptionsError,
    then the former values are restored and everybody is told again."""

    def __init__(self) -> None:
        put = self.__dict__
        put["deferred"] = {}
        put["changed"] = signals.SyncSignal(_changed)
        put["errored"] = signals.SyncSignal(_errored)
        put["_subscriptions"] = []
        put["_options"] = {}

    def add_option(
        self,
        name: str,
        typespec: Any,
        default: Any,
        help: str,
        choices: Optional[Sequence[str]] = None,
    ) -> None:
        """Declare an option. TypeError: the default has the wrong type."""
        self._options[name] = _Option(name, typespec, default, help, choices)
        self.changed.send(updated={name})

    @contextlib.contextmanager
    def rollback(self, updated: Set[str], reraise: bool = False) -> Iterator[None]:
        """Undo what is done inside if it ends with OptionsError, and tell everybody."""
        former = copy.deepcopy(self._options)
        try:
            yield
        except exceptions.OptionsError as error:
            self.errored.send(exc=error)
            self.__dict__["_options"] = former
            self.changed.send(updated=updated)
            self._tell_subscribers(updated)
            if reraise:
                raise

    def subscribe(self, func: Callable[..., Any], opts: Iterable[str]) -> None:
        """Call ``func(options, updated)`` when one of these options changes.

        Functions are not kept alive. OptionsError: there is no such option."""
        for opt in opts:
            if opt not in self._options:
                raise exceptions.OptionsError(f"No such option: {opt}")
        if hasattr(func, "__self__"):
            reference: Any = weakref.WeakMethod(func)  # type: ignore[arg-type]
        else:
            reference = weakref.ref(func)
        self._subscriptions.append((reference, set(opts)))

    def _tell_subscribers(self, updated: Set[str]) -> None:
        for entry in list(self._subscriptions):
            func = entry[0]()
            if func is None:
                self._subscriptions.remove(entry)
            elif entry[1] & updated:
                func(self, updated)

    def _commit(self, values: Dict[str, Any]) -> None:
        """Tell the owner of the options what all listeners agreed to."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, OptManager):
            return bool(self._options == other._options)
        return False

    __hash__ = object.__hash__

    def __deepcopy__(self, memodict: Any = None) -> "OptManager":
        other = OptManager()
        other.__dict__["_options"] = copy.deepcopy(self._options)
        return other

    __copy__ = __deepcopy__

    def __getattr__(self, attr: str) -> Any:
        options = self.__dict__.get("_options", {})
        if attr not in options:
            raise AttributeError(f"No such option: {attr}")
        return options[attr].current()

    def __setattr__(self, attr: str, value: Any) -> None:
        if attr in self.__dict__ or attr.startswith("_"):
            object.__setattr__(self, attr, value)
        else:
            self.update(**{attr: value})

    def keys(self) -> Set[str]:
        """The names of all options."""
        return set(self._options)

    def items(self) -> Any:
        """(name, option) of all options."""
        return self._options.items()

    def __contains__(self, key: object) -> bool:
        return key in self._options

    def reset(self) -> None:
        """Go back to all defaults."""
        self.update(**{name: option.default for name, option in self._options.items()})

    def update_known(self, **kwargs: Any) -> Dict[str, Any]:
        """Set those options that exist; gives the others back."""
        known = {k: v for k, v in kwargs.items() if k in self._options}
        unknown = {k: v for k, v in kwargs.items() if k not in self._options}
        self._apply(known, self._commit)
        return unknown

    def _apply(self, values: Dict[str, Any], commit: Callable[[Dict[str, Any]], None]) -> None:
        if not values:
            return
        for name, value in values.items():
            option = self._options[name]
            typecheck.check_option_type(name, value, option.typespec)
        updated = set(values)
        with self.rollback(updated, reraise=True):
            for name, value in values.items():
                self._options[name].set(value)
            self.changed.send(updated=updated)
            commit(values)
            self._tell_subscribers(updated)

    def update_defer(self, **kwargs: Any) -> None:
        """Set options; values for those that do not exist wait until they do."""
        self.deferred.update(self.update_known(**kwargs))

    def update(self, **kwargs: Any) -> None:
        """Set options, all or none. KeyError: one does not exist."""
        for name in kwargs:
            if name not in self._options:
                unknown = ", ".join(n for n in kwargs if n not in self._options)
                raise KeyError(f"Unknown options: {unknown}")
        self.update_known(**kwargs)

    def _existing(self, name: str) -> _Option:
        if name not in self._options:
            raise KeyError(f"No such option: {name}")
        option: _Option = self._options[name]
        return option

    def setter(self, attr: str) -> Callable[[Any], None]:
        """A function that sets an option. KeyError: it does not exist."""
        self._existing(attr)
        return lambda value: self.__setattr__(attr, value)

    def toggler(self, attr: str) -> Callable[[], None]:
        """A function that inverts a bool option. KeyError, ValueError: there is none."""
        if self._existing(attr).typespec is not bool:
            raise ValueError("Toggler can only be used with boolean options")
        return lambda: self.__setattr__(attr, not getattr(self, attr))

    def default(self, option: str) -> Any:
        """The default of an option."""
        return self._options[option].default

    def has_changed(self, option: str) -> bool:
        """Does the value of an option differ from its default?"""
        return bool(self._options[option].has_changed())

    def merge(self, opts: Dict[str, Any]) -> None:
        """Set options from a dict; sequences are appended to, ``None`` is left out."""
        values = {}
        for name, value in opts.items():
            if value is None:
                continue
            if isinstance(value, (list, tuple)):
                value = list(getattr(self, name)) + list(value)
            values[name] = value
        self.update(**values)

    def __repr__(self) -> str:
        options = pprint.pformat(self._options, indent=4).strip(" {}")
        if "\n" in options:
            options = "\n    " + options + "\n"
        return f"{type(self).__module__}.{type(self).__name__}({{{options}}})"

    def set(self, *specs: str, defer: bool = False) -> None:
        """Set options from texts ``name=value``.

        OptionsError: malformed or (without ``defer``) unknown."""
        texts: Dict[str, List[str]] = {}
        for spec in specs:
            name, equals, value = spec.partition("=")
            entry = texts.setdefault(name, [])
            if equals:
                entry.append(value)
        unknown = {name: v for name, v in texts.items() if name not in self._options}
        if unknown and not defer:
            raise exceptions.OptionsError(f"Unknown option(s): {', '.join(unknown)}")
        values = {
            name: self._read(self._options[name], text)
            for name, text in texts.items()
            if name in self._options
        }
        for name, text in unknown.items():
            self.deferred[name] = _UnconvertedStrings(text)
        self.update(**values)

    def process_deferred(self) -> None:
        """Set what was waiting for options that exist now."""
        values: Dict[str, Any] = {}
        for name, value in self.deferred.items():
            if name in self._options:
                if isinstance(value, _UnconvertedStrings):
                    value = self._read(self._options[name], value.val)
                values[name] = value
        self.update(**values)
        for name in values:
            del self.deferred[name]

    def _read(self, option: _Option, values: List[str]) -> Any:
        if get_origin(option.typespec) not in (None,) and "Sequence" in str(option.typespec):
            return list(values)
        if len(values) > 1:
            raise exceptions.OptionsError(f"Received multiple values for {option.name}: {values}")
        text = values[0] if values else None
        kind = typecheck.typespec_to_str(option.typespec)
        if kind == "bool":
            return self._read_bool(option, text)
        if text is None or (not text and kind.endswith("int")):
            if kind.startswith("optional"):
                return None
            raise exceptions.OptionsError(f"Option is required: {option.name}")
        if kind.endswith("str"):
            return text
        try:
            return int(text)
        except ValueError:
            raise exceptions.OptionsError(
                f"Failed to parse option {option.name}: not an integer: {text}"
            ) from None

    @staticmethod
    def _read_bool(option: _Option, text: Optional[str]) -> bool:
        if text == "toggle":
            return not option.current()
        if not text or text == "true":
            return True
        if text == "false":
            return False
        raise exceptions.OptionsError(
            f'Failed to parse option {option.name}: boolean must be "true", "false", '
            'or have the value omitted (a synonym for "true").'
        )


def dump_dicts(opts: OptManager, keys: Optional[Iterable[str]] = None) -> Dict[str, Any]:
    """All options (or those named) as dicts for people and interfaces."""
    result = {}
    for name in sorted(opts.keys()) if keys is None else keys:
        option = opts._options[name]
        result[name] = {
            "type": typecheck.typespec_to_str(option.typespec),
            "default": option.default,
            "value": option.current(),
            "help": option.help.strip(),
            "choices": option.choices,
        }
    return result


def relative_path(script_path: Any, *, relative_to: Any) -> Path:
    """A path from a configuration file, which is relative to that file."""
    script = Path(os.path.expanduser(script_path))
    return script if script.is_absolute() else Path(relative_to).absolute() / script
