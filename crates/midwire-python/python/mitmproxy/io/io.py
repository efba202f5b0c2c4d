"""Readers and writers of flow files (typed netstrings, and HAR with the core's help)."""

import os
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, Optional

from mitmproxy import _mirror, _tnetstring, exceptions, flow, version

# The flow types register themselves when their modules are loaded.
from mitmproxy import dns as _dns  # noqa: F401
from mitmproxy import http as _http  # noqa: F401
from mitmproxy import tcp as _tcp  # noqa: F401
from mitmproxy import udp as _udp  # noqa: F401

_BOM = b"\xef\xbb\xbf"
_OLD_VERSIONS = {(0, minor) for minor in range(11, 20)} | {(1, 0), (2, 0), (3, 0)}


class FlowWriter:
    """Writes flows to a binary file."""

    def __init__(self, fo: BinaryIO) -> None:
        self.fo = fo

    def add(self, f: flow.Flow) -> None:
        """Append a flow."""
        self.fo.write(_tnetstring.dumps(f.get_state()))


class FilteredFlowWriter:
    """Writes those flows to a binary file that match a filter (all if it is ``None``)."""

    def __init__(self, fo: BinaryIO, flt: Optional[Any]) -> None:
        self.fo = fo
        self.flt = flt

    def add(self, f: flow.Flow) -> None:
        """Append a flow if it matches, and flush."""
        if self.flt is not None and not self.flt(f):
            return
        self.fo.write(_tnetstring.dumps(f.get_state()))
        self.fo.flush()


class FlowReader:
    """Reads flows from a binary file one after another."""

    def __init__(self, fo: BinaryIO) -> None:
        self.fo = fo
        self._ahead = b""

    def read(self, count: int = -1) -> bytes:
        """Read bytes, first those that were peeked at."""
        if count < 0:
            data, self._ahead = self._ahead + self.fo.read(), b""
            return data
        data, self._ahead = self._ahead[:count], self._ahead[count:]
        if len(data) < count:
            data += self.fo.read(count - len(data))
        return data

    def peek(self, n: int) -> bytes:
        """The next bytes, which stay to be read."""
        while len(self._ahead) < n:
            more = self.fo.read(n - len(self._ahead))
            if not more:
                break
            self._ahead += more
        return self._ahead[:n]

    def stream(self) -> Iterable[flow.Flow]:
        """All flows. FlowReadException: the file is damaged or of an unknown version;
        flows before the damage have been delivered by then."""
        if self.peek(4).startswith(_BOM + b"{"):
            self.read(len(_BOM))
        if self.peek(1) == b"{":
            yield from self._stream_har()
            return
        while self.peek(1):
            try:
                state = _tnetstring.load(self)  # type: ignore[arg-type]
            except (ValueError, IndexError) as error:
                raise exceptions.FlowReadException("Invalid data format.") from error
            if not isinstance(state, dict):
                raise exceptions.FlowReadException(f"Invalid flow: loaded={state!r}")
            yield _flow_from(state)

    def _stream_har(self) -> Iterator[flow.Flow]:
        problem = "Unable to read HAR file. Please provide a valid HAR file"
        try:
            states = _mirror.bridge().read_har(self.read())
        except ValueError as error:
            raise exceptions.FlowReadException(problem) from error
        if states is None:
            raise exceptions.FlowReadException(
                "HAR files can only be read by scripts that run inside midwire; "
                "load them with --rfile instead."
            )
        for state in states:
            yield _flow_from(state)


def _flow_from(state: Dict[Any, Any]) -> flow.Flow:
    try:
        return flow.Flow.from_state(_upgrade(state))
    except ValueError as error:
        raise exceptions.FlowReadException(str(error)) from error


def _upgrade(state: Dict[Any, Any]) -> Dict[str, Any]:
    found = state.get("version", state.get(b"version"))
    if found is None:
        raise ValueError("Invalid data format.")
    if found == version.FLOW_FORMAT_VERSION and type(found) is int:
        return state
    number = tuple(found[:2]) if isinstance(found, (list, tuple)) else found
    if isinstance(number, int) and number > version.FLOW_FORMAT_VERSION:
        raise ValueError(
            f"{version.MITMPROXY} cannot read files with flow format version {number}, "
            "please update mitmproxy."
        )
    known = number in _OLD_VERSIONS or (isinstance(number, int) and number >= 4)
    if not known:
        raise ValueError(
            f"{version.MITMPROXY} cannot read files with flow format version {number}."
        )
    upgraded = _mirror.bridge().upgrade_flow(state)
    if upgraded is None:
        raise ValueError(
            f"flow format version {number} is an older one that only midwire itself can read; "
            "convert the file with: midwire dump -nr OLD -w NEW"
        )
    return upgraded


def read_flows_from_paths(paths: Iterable[str]) -> List[flow.Flow]:
    """All flows of several files. FlowReadException: a file cannot be read."""
    flows: List[flow.Flow] = []
    for path in paths:
        try:
            with open(os.path.expanduser(path), "rb") as file:
                flows.extend(FlowReader(file).stream())
        except OSError as error:
            raise exceptions.FlowReadException(error.strerror or str(error)) from error
    return flows
