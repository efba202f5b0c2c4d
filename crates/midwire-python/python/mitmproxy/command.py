"""Commands: declaring, calling, and reading command lines."""

import functools
import inspect
import logging
import sys
import textwrap
import typing
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    TextIO,
    Tuple,
    TypeVar,
)

from mitmproxy import _mirror, command_lexer, exceptions
from mitmproxy import types as command_types

F = TypeVar("F", bound=Callable[..., Any])
logger = logging.getLogger(__name__)
_POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD
_VARIADIC = inspect.Parameter.VAR_POSITIONAL


def verify_arg_signature(
    f: Callable[..., Any], args: Iterable[Any], kwargs: Dict[str, Any]
) -> None:
    """Can ``f`` be called like this? CommandError: no."""
    try:
        inspect.signature(f).bind(*args, **kwargs)
    except TypeError as error:
        raise exceptions.CommandError(f"command argument mismatch: {error}") from error


def typename(t: Any) -> str:
    """The name of a type in the documentation of commands. CommandError: not a type."""
    if t is inspect.Signature.empty:
        raise exceptions.CommandError("missing type annotation")
    how = command_types.CommandTypes.get(t)
    if how is None:
        raise exceptions.CommandError(f"unsupported type: {getattr(t, '__name__', t)}")
    return how.display


class CommandParameter(NamedTuple):
    """One parameter of a command."""

    name: str
    type: Any
    kind: Any = _POSITIONAL

    def __str__(self) -> str:
        return ("*" if self.kind is _VARIADIC else "") + self.name


def _annotations(func: Callable[..., Any]) -> Dict[str, Any]:
    plain = inspect.unwrap(getattr(func, "__func__", func))
    try:
        return typing.get_type_hints(plain)
    except (NameError, TypeError, AttributeError):
        pass
    # One of them is a name that only type checkers know, or too new for this Python.
    known = {}
    for name, kind in getattr(plain, "__annotations__", {}).items():
        if isinstance(kind, str):
            try:
                kind = eval(kind, getattr(plain, "__globals__", {}))
            except Exception:
                continue
        known[name] = kind
    return known


class Command:
    """A function with a name that users can call."""

    def __init__(self, manager: "CommandManager", name: str, func: Callable[..., Any]) -> None:
        self.manager = manager
        self.name = name
        self.func = func
        self.signature = inspect.signature(func)
        hints = _annotations(func)
        doc = inspect.getdoc(func)
        self.help: Optional[str] = doc or None
        self.parameters: List[CommandParameter] = []
        empty = inspect.Signature.empty
        for param in self.signature.parameters.values():
            kind = hints.get(param.name, param.annotation)
            self._check(f"Argument {param.name} has an unknown type {kind} in {func}.", kind)
            self.parameters.append(CommandParameter(param.name, kind, param.kind))
        result = hints.get("return", self.signature.return_annotation)
        self.return_type: Any = None if result in (empty, type(None)) else result
        if self.return_type is not None:
            self._check(f"Return type has an unknown type ({result}) in {func}.", result)

    @staticmethod
    def _check(problem: str, kind: Any) -> None:
        if command_types.CommandTypes.get(kind) is None:
            raise exceptions.CommandError(problem)

    def signature_help(self) -> str:
        """The command with its parameters and its result."""
        words = [self.name, *(str(param) for param in self.parameters)]
        if self.return_type is not None:
            words += ["->", typename(self.return_type)]
        return " ".join(words)

    def prepare_args(self, args: Sequence[str]) -> inspect.BoundArguments:
        """Bind words to the parameters and read them. CommandError: they do not fit."""
        try:
            bound = self.signature.bind(*args)
        except TypeError:
            expected = {name: str(param) for name, param in self.signature.parameters.items()}
            raise exceptions.CommandError(
                f"Command argument mismatch: \n    Expected: {expected}\n    Received: {args}"
            ) from None
        kinds = {param.name: param.type for param in self.parameters}
        for name, value in bound.arguments.items():
            if self.signature.parameters[name].kind is _VARIADIC:
                bound.arguments[name] = tuple(
                    parsearg(self.manager, word, kinds[name]) for word in value
                )
            else:
                bound.arguments[name] = parsearg(self.manager, value, kinds[name])
        bound.apply_defaults()
        return bound

    def call(self, args: Sequence[str]) -> Any:
        """Call the command with words. CommandError: they do not fit, or it failed."""
        bound = self.prepare_args(args)
        result = self.func(*bound.args, **bound.kwargs)
        if result is None and self.return_type is None:
            return None
        how = command_types.CommandTypes.get(self.return_type)
        if how is None or not how.is_valid(self.manager, self.return_type, result):
            expected = "no value" if self.return_type is None else typename(self.return_type)
            raise exceptions.CommandError(
                f"{self.name} returned unexpected data - expected {expected}"
            )
        return result

    def _spec(self) -> _mirror.CommandSpec:
        parameters = []
        for param in self.signature.parameters.values():
            kind = "optional" if param.default is not param.empty else "required"
            if param.kind is _VARIADIC:
                kind = "variadic"
            wanted = next(p.type for p in self.parameters if p.name == param.name)
            parameters.append((param.name, typename(wanted), kind))
        returns = "" if self.return_type is None else typename(self.return_type)
        return _mirror.CommandSpec(self.name, parameters, returns, self.help or "")


class ParseResult(NamedTuple):
    """One token of a command line that may be incomplete."""

    value: str
    type: Any
    valid: bool


class CommandManager:
    """The commands of scripts, with those of the core behind them."""

    def __init__(self, master: Any) -> None:
        self.master = master
        self.commands: Dict[str, Command] = {}

    def names(self) -> Sequence[str]:
        """The names of all commands, also those of the core."""
        core = [spec.name for spec in _mirror.bridge().command_specs()]
        return [*self.commands, *(name for name in core if name not in self.commands)]

    def resolve_flows(self, spec: str) -> Sequence[Any]:
        """The flows of a flow spec. CommandError: there is no view, or the spec is bad."""
        if "view.flows.resolve" in self.commands:
            return self.call_strings("view.flows.resolve", [spec])  # type: ignore[no-any-return]
        return _mirror.bridge().resolve_flows(spec)

    def collect_commands(self, addon: Any) -> None:
        """Add what ``addon`` has declared with ``@command.command``."""
        for name in dir(addon):
            if name.startswith("__"):
                continue
            if isinstance(getattr(type(addon), name, None), property):
                continue
            try:
                func = getattr(addon, name)
                path = func.command_name
            except Exception:
                continue
            if not callable(func) or not isinstance(path, str):
                continue
            try:
                self.add(path, func)
            except exceptions.CommandError as error:
                logger.warning("Could not load command %s: %s", path, error)

    def add(self, path: str, func: Callable[..., Any]) -> None:
        """Add a command. CommandError: a parameter has no type that commands can have."""
        new = Command(self, path, func)
        self.commands[path] = new
        _mirror.bridge().add_command(new._spec())

    def remove_unowned(self, keep: Callable[[Command], bool]) -> None:
        """Forget the commands that ``keep`` does not want."""
        self.commands = {name: c for name, c in self.commands.items() if keep(c)}

    def parse_partial(
        self, cmdstr: str
    ) -> Tuple[Sequence[ParseResult], Sequence[CommandParameter]]:
        """(tokens, parameters still to come) of a command line that is being written."""
        todo = [
            CommandParameter("", command_types.Cmd),
            CommandParameter("", command_types.CmdArgs),
        ]
        results: List[ParseResult] = []
        for token in command_lexer.split(cmdstr):
            if token.isspace():
                results.append(ParseResult(token, command_types.Space, True))
                continue
            kind = self._next_type(todo)
            word = command_lexer.unquote(token)
            if kind is command_types.Cmd and word in self.commands:
                # What follows are the parameters of that command.
                if todo and todo[0].type is command_types.CmdArgs:
                    todo.pop(0)
                todo[:0] = self.commands[word].parameters
            results.append(ParseResult(token, kind, self._fits(word, kind)))
        if todo and todo[0].type is command_types.CmdArgs and results:
            todo.pop(0)
        return results, todo

    @staticmethod
    def _next_type(todo: List[CommandParameter]) -> Any:
        if not todo:
            return command_types.Unknown
        param = todo[0]
        if param.type is command_types.CmdArgs and param.kind is not _VARIADIC:
            return command_types.Unknown
        if param.kind is not _VARIADIC:
            todo.pop(0)
        return param.type

    def _fits(self, word: str, kind: Any) -> bool:
        how = command_types.CommandTypes.get(kind)
        if how is None or kind is command_types.Unknown:
            return False
        try:
            how.parse(self, kind, word)
        except (ValueError, exceptions.CommandError):
            return False
        return True

    def call(self, command_name: str, *args: Any) -> Any:
        """Call a command with native values. CommandError: unknown, or it failed."""
        found = self.commands.get(command_name)
        if found is not None:
            return found.func(*args)
        return _mirror.bridge().call_command(command_name, args)

    def call_strings(self, command_name: str, args: Sequence[str]) -> Any:
        """Call a command with words, which are read by the types of the parameters.

        CommandError: unknown, the words do not fit, or it failed."""
        found = self.commands.get(command_name)
        if found is not None:
            return found.call(args)
        bridge = _mirror.bridge()
        for spec in bridge.command_specs():
            if spec.name == command_name:
                return bridge.call_command(command_name, self._read(spec, args))
        raise exceptions.CommandError(f"Unknown command: {command_name}")

    def _read(self, spec: _mirror.CommandSpec, args: Sequence[str]) -> Sequence[Any]:
        by_display = {how.display: key for key, how in command_types.CommandTypes.typemap.items()}
        kinds = list(spec.parameters)
        values = []
        for index, word in enumerate(args):
            if index < len(kinds):
                display = kinds[index][1]
            elif kinds and kinds[-1][2] == "variadic":
                display = kinds[-1][1]
            else:
                break
            how = command_types.CommandTypes.typemap.get(by_display.get(display))
            # The core checks choices, and everything that is no plain value.
            if how is None or display == "choice":
                values.append(word)
                continue
            try:
                values.append(how.parse(self, by_display.get(display), word))
            except ValueError as error:
                raise exceptions.CommandError(str(error)) from error
        return [*values, *args[len(values) :]]

    def execute(self, cmdstr: str) -> Any:
        """Run a command line. CommandError: malformed, unknown, or it failed."""
        words = command_lexer.words(cmdstr)
        if not words:
            raise exceptions.CommandError(f"Invalid command: {cmdstr!r}")
        return self.call_strings(words[0], words[1:])

    def dump(self, out: Optional[TextIO] = None) -> None:
        """Write all commands with their help."""
        out = out or sys.stdout
        for name in sorted(self.commands):
            found = self.commands[name]
            for line in textwrap.wrap(found.help or ""):
                print(f"# {line}", file=out)
            print(found.signature_help(), file=out)
            print(file=out)


def parsearg(manager: CommandManager, spec: str, argtype: Any) -> Any:
    """The value of a word for a type. CommandError: it has none."""
    how = command_types.CommandTypes.get(argtype)
    if how is None:
        raise exceptions.CommandError(f"Unsupported argument type: {argtype}")
    try:
        return how.parse(manager, argtype, spec)
    except ValueError as error:
        raise exceptions.CommandError(str(error)) from error


def command(name: Optional[str] = None) -> Callable[[F], F]:
    """Declare a method of an addon as command; the default name has ``.`` for ``_``."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            verify_arg_signature(function, args, kwargs)
            return function(*args, **kwargs)

        wrapper.command_name = name or function.__name__.replace("_", ".")  # type: ignore[attr-defined]
        return typing.cast(F, wrapper)

    return decorate


def argument(name: str, type: Any) -> Callable[[F], F]:
    """Give a parameter a type that annotations cannot express, like ``types.Choice``."""

    def decorate(f: F) -> F:
        if name not in inspect.signature(f).parameters:
            raise AssertionError(f"{f.__name__} has no parameter {name!r}")
        # Commands are read from the function inside of all decorators.
        inspect.unwrap(f).__annotations__[name] = type
        f.__annotations__[name] = type
        return f

    return decorate
