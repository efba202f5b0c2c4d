"""The types of the arguments and results of commands."""

import codecs
import collections.abc
import glob
import os
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple, get_args, get_origin

from mitmproxy import exceptions, flow
from mitmproxy.utils import emoji, strutils


class Path(str):
    """The path of a file; ``~`` is expanded."""


class Cmd(str):
    """The name of a command."""


class CmdArgs(str):
    """Arguments of another command."""


class Unknown(str):
    """A word that fits no parameter."""


class Space(str):
    """Blanks between words."""


class Marker(str):
    """A marker of flows."""


class CutSpec(Sequence[str]):
    """A list of attribute paths for ``cut``."""


class Data(Sequence[Sequence[Any]]):
    """Rows of text or bytes."""


class Choice:
    """One of the values that a command gives."""

    def __init__(self, options_command: str) -> None:
        self.options_command = options_command

    def __instancecheck__(self, instance: Any) -> bool:
        return False


class _Type:
    """How values of one type are named, read and checked."""

    display = ""

    def completion(self, manager: Any, t: Any, start: str) -> Sequence[str]:
        """Possible values; some of them may not begin with ``start``."""
        return []

    def parse(self, manager: Any, t: Any, s: str) -> Any:
        """The value of a word. ValueError: it has none."""
        raise NotImplementedError

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        """Is this a value of the type?"""
        raise NotImplementedError


class _BoolType(_Type):
    display = "bool"

    def completion(self, manager: Any, t: Any, start: str) -> Sequence[str]:
        return ["false", "true"]

    def parse(self, manager: Any, t: Any, s: str) -> bool:
        if s not in ("true", "false"):
            raise ValueError(f"Booleans are 'true' or 'false', got {s}")
        return s == "true"

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return isinstance(val, bool)


_ESCAPE = re.compile(
    r"\\(?:[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]+\}|[\\'\"abfnrtv])"
)


class _StrType(_Type):
    display = "str"

    def parse(self, manager: Any, t: Any, s: str) -> str:
        try:
            return _ESCAPE.sub(lambda m: codecs.decode(m[0], "unicode_escape"), s)
        except UnicodeDecodeError as error:
            raise ValueError(f"Invalid str: {error}") from error

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return isinstance(val, str)


class _BytesType(_Type):
    display = "bytes"

    def parse(self, manager: Any, t: Any, s: str) -> bytes:
        return strutils.escaped_str_to_bytes(s)

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return isinstance(val, bytes)


class _VerbatimType(_Type):
    def parse(self, manager: Any, t: Any, s: str) -> str:
        return s

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return isinstance(val, str)


class _UnknownType(_VerbatimType):
    display = "unknown"

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return False


class _ArgType(_VerbatimType):
    display = "arg"


class _IntType(_Type):
    display = "int"

    def parse(self, manager: Any, t: Any, s: str) -> int:
        return int(s)

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return isinstance(val, int)


class _PathType(_Type):
    display = "path"

    def completion(self, manager: Any, t: Any, start: str) -> Sequence[str]:
        found = []
        for path in sorted(glob.glob(glob.escape(os.path.expanduser(start)) + "*")):
            shown = path + os.sep if os.path.isdir(path) else path
            home = os.path.expanduser("~")
            if start.startswith("~") and shown.startswith(home):
                shown = "~" + shown[len(home) :]
            found.append(shown)
        return found or [start]

    def parse(self, manager: Any, t: Any, s: str) -> str:
        return os.path.expanduser(s)

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return isinstance(val, str)


class _CmdType(_Type):
    display = "cmd"

    def completion(self, manager: Any, t: Any, start: str) -> Sequence[str]:
        return list(manager.names())

    def parse(self, manager: Any, t: Any, s: str) -> str:
        if s not in manager.names():
            raise ValueError(f"Unknown command: {s}")
        return s

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return val in manager.names()


class _StrSeqType(_Type):
    display = "str[]"

    def parse(self, manager: Any, t: Any, s: str) -> List[str]:
        return [part.strip() for part in s.split(",")]

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return _all(val, str)


class _CutSpecType(_Type):
    display = "cut[]"

    def parse(self, manager: Any, t: Any, s: str) -> List[str]:
        return s.split(",")

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return _all(val, str) and all(part.strip() for part in val)


class _FlowType(_Type):
    display = "flow"

    def completion(self, manager: Any, t: Any, start: str) -> Sequence[str]:
        marks = ["@all", "@focus", "@shown", "@hidden", "@marked", "@unmarked"]
        return [*marks, "~q", "~s", "~a", "~hq", "~hs", "~b", "~t", "~d", "~m", "~u", "~c"]

    def parse(self, manager: Any, t: Any, s: str) -> Any:
        flows = manager.resolve_flows(s)
        if len(flows) != 1:
            raise ValueError(f"Command requires one flow, specification matched {len(flows)}.")
        return flows[0]

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return isinstance(val, flow.Flow)


class _FlowsType(_FlowType):
    display = "flow[]"

    def parse(self, manager: Any, t: Any, s: str) -> Any:
        return manager.resolve_flows(s)

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return _all(val, flow.Flow)


class _DataType(_Type):
    display = "data[][]"

    def parse(self, manager: Any, t: Any, s: str) -> Any:
        raise ValueError("data cannot be passed as argument")

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        try:
            return all(isinstance(cell, (str, bytes)) for row in val for cell in row)
        except TypeError:
            return False


class _ChoiceType(_Type):
    display = "choice"

    def completion(self, manager: Any, t: Any, start: str) -> Sequence[str]:
        return manager.execute(t.options_command)  # type: ignore[no-any-return]

    def parse(self, manager: Any, t: Any, s: str) -> str:
        if s not in manager.execute(t.options_command):
            raise ValueError("Invalid choice.")
        return s

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        try:
            return val in manager.execute(t.options_command)
        except exceptions.CommandError:
            return False


class _MarkerType(_Type):
    display = "marker"

    def completion(self, manager: Any, t: Any, start: str) -> Sequence[str]:
        return ["true", "false", *emoji.emoji]

    def parse(self, manager: Any, t: Any, s: str) -> str:
        if s == "true":
            return ":default:"
        if s == "false":
            return ""
        if not emoji.is_marker(s):
            raise ValueError("Invalid choice.")
        return s

    def is_valid(self, manager: Any, t: Any, val: Any) -> bool:
        return val in ("", "true", "false") or (isinstance(val, str) and emoji.is_marker(val))


def _all(values: Any, kind: type) -> bool:
    if isinstance(values, (str, bytes)):
        return False
    try:
        return all(isinstance(value, kind) for value in values)
    except TypeError:
        return False


def _key(t: Any) -> Any:
    """One key for all ways to write a type."""
    if isinstance(t, Choice):
        return Choice
    if get_origin(t) is collections.abc.Sequence:
        return ("sequence", get_args(t))
    return t


class TypeManager:
    """Finds the ``parse`` and ``is_valid`` of an annotation."""

    def __init__(self, kinds: Sequence[Tuple[Any, _Type]]) -> None:
        self.typemap: Dict[Any, _Type] = {_key(kind): how for kind, how in kinds}

    def get(self, t: Any, default: Optional[_Type] = None) -> Optional[_Type]:
        """How to treat an annotation; ``default`` if it cannot be one of a command."""
        try:
            return self.typemap.get(_key(t), default)
        except TypeError:
            return default


CommandTypes = TypeManager(
    [
        (CmdArgs, _ArgType()),
        (bool, _BoolType()),
        (bytes, _BytesType()),
        (Choice, _ChoiceType()),
        (Cmd, _CmdType()),
        (CutSpec, _CutSpecType()),
        (Data, _DataType()),
        (flow.Flow, _FlowType()),
        (Sequence[flow.Flow], _FlowsType()),
        (int, _IntType()),
        (Marker, _MarkerType()),
        (Path, _PathType()),
        (str, _StrType()),
        (Sequence[str], _StrSeqType()),
        (Unknown, _UnknownType()),
    ]
)
