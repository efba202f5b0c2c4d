"""Frames to and from the core: twelve bytes of header at fixed offsets, then one value.

Values are in the notation of ``marshal``, version 2: the fastest that the standard library
reads and writes, and the same in all versions of Python 3."""

import collections
import marshal
import socket
import struct
import threading
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

HEADER = struct.Struct("<IBBHI")
_HEAD = HEADER.size
VERSION = 2
MAX_PAYLOAD = 16 << 20
_PIECE = 256 * 1024
_NOTES = 1 << 20
"""Bytes of notes that may wait for a flush. A script that logs without end waits for the core then."""
_ROUNDS = 8
"""Reads without a look at what else the loop has to do."""

LAST = 0x8000
"""Added to the number of a hook: the flow needs no place here after it."""

CALL, ANSWER, FAILURE, NOTE = 1, 2, 3, 4

LOAD, HOOK, CONFIGURE, RUNNING, DONE, STREAM, RUN_COMMAND, FORGET, PING, UPDATE, LOG_ENTRY, RENDER = (
    range(1, 13)
)
(
    SET_OPTIONS,
    ADD_OPTION,
    CALL_COMMAND,
    ADD_COMMAND,
    CONTENT,
    RESUME,
    LOAD_FLOW,
    RESOLVE,
    CODING,
    READ_FLOWS,
    ADD_VIEW,
) = range(32, 43)
LOG, INTEREST, GONE, SHUTDOWN = range(48, 52)


class Failed(Exception):
    """The core says why it does not do what was asked."""


class Closed(BaseException):
    """The core is gone. Nothing can be done any more, so no script may catch it by chance."""


class _Waiter:
    __slots__ = ("kind", "value", "event")

    def __init__(self, event: Optional[threading.Event]) -> None:
        self.kind = 0
        self.value: Any = None
        self.event = event


Handler = Callable[[int, int, int, int, Any], Optional[Callable[[], None]]]
"""Takes kind, operation, detail, id and value of a frame; gives what is still to run."""


class Channel:
    """The socket to the core. Only the thread that made it reads; any thread may write.

    ``handler`` is called for each frame in the order of their arrival, so that the mirror of
    flows is always as new as what was read. What it gives back runs scripts: at once if this
    thread is idle, later if it waits for an answer in the middle of a script."""

    URGENT = frozenset((CONFIGURE, PING, RUN_COMMAND, RENDER))
    """Operations that run in the middle of a script, since the core waits for them before it
    answers the script."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._thread = threading.get_ident()
        self._piece = bytearray(_PIECE)
        self._buffer = bytearray()
        self._frames: Deque[Tuple[int, int, int, int, Any]] = collections.deque()
        self._lock = threading.Lock()
        self._out: List[bytes] = []
        self._noted = 0
        self._waiters: Dict[int, _Waiter] = {}
        self._next = 0
        self._later: List[Callable[[], None]] = []
        self.handler: Handler = lambda *_: None
        self.wake: Callable[[], None] = lambda: None
        """Called when something was put off that has to be run by ``run_later``."""

    # Writing

    def _frame(self, kind: int, op: int, detail: int, number: int, value: Any) -> bytes:
        try:
            payload = marshal.dumps(value, 2)
        except ValueError:
            payload = dumps(value)
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"{len(payload)} bytes are too many to be passed on at once")
        return HEADER.pack(len(payload), kind, op, detail, number) + payload

    def answer(self, op: int, number: int, value: Any) -> None:
        """Answer a call with the next flush."""
        try:
            frame = self._frame(ANSWER, op, 0, number, value)
        except ValueError as error:
            frame = self._frame(FAILURE, op, 0, number, str(error))
        with self._lock:
            self._out.append(frame)

    def fail(self, op: int, number: int, reason: str) -> None:
        """Say with the next flush that a call has failed."""
        with self._lock:
            self._out.append(self._frame(FAILURE, op, 0, number, reason))

    def note(self, op: int, value: Any) -> None:
        """Tell the core something with the next flush."""
        frame = self._frame(NOTE, op, 0, 0, value)
        with self._lock:
            self._out.append(frame)
            self._noted += len(frame)
            many = self._noted > _NOTES
        if many:
            self.flush()

    def flush(self) -> None:
        """Send everything with one write."""
        if not self._out:
            return
        with self._lock:
            data = b"".join(self._out)
            self._out.clear()
            self._noted = 0
            try:
                self._sock.sendall(data)
            except OSError:
                raise Closed from None

    def call(self, op: int, value: Any) -> Any:
        """Ask the core and wait for its answer. Failed: it refuses."""
        own = threading.get_ident() == self._thread
        waiter = _Waiter(None if own else threading.Event())
        with self._lock:
            self._next = number = (self._next + 1) & 0xFFFFFFFF
            self._waiters[number] = waiter
        frame = self._frame(CALL, op, 0, number, value)
        with self._lock:
            self._out.append(frame)
        self.flush()
        if own:
            while not waiter.kind:
                if not self._frames:
                    self._read(0)
                self._handle(nested=True)
        else:
            waiter.event.wait()  # type: ignore[union-attr]
        if waiter.kind == FAILURE:
            raise Failed(waiter.value)
        return waiter.value

    # Reading

    def readable(self, news: Callable[[], None]) -> None:
        """Take what has arrived, run what it asks for, and answer with one write; ``news`` may
        add to that. What arrives meanwhile is taken too, but not for ever."""
        for _ in range(_ROUNDS):
            if not self._read(socket.MSG_DONTWAIT):
                return
            self._handle(nested=False)
            self.run_later()
            news()
            self.flush()

    def run_later(self) -> None:
        """Run what was put off."""
        while self._later:
            self._later.pop(0)()

    def _read(self, flags: int) -> bool:
        try:
            count = self._sock.recv_into(self._piece, 0, flags)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            count = 0
        if not count:
            raise Closed
        # All frames are cut out before the first is handled: a script that one of them runs
        # may read on in the middle of it.
        buffer = self._buffer
        if buffer:
            with memoryview(self._piece) as piece:
                buffer += piece[:count]
            taken = self._cut(buffer, len(buffer))
            if taken:
                del buffer[:taken]
        else:
            taken = self._cut(self._piece, count)
            if taken < count:
                with memoryview(self._piece) as piece:
                    buffer += piece[taken:count]
        return True

    def _cut(self, source: bytearray, length: int) -> int:
        """Cut out all whole frames and give where the rest begins."""
        start = 0
        with memoryview(source) as view:
            while length - start >= _HEAD:
                size, kind, op, detail, number = HEADER.unpack_from(source, start)
                end = start + _HEAD + size
                if end > length:
                    break
                with view[start + _HEAD : end] as payload:
                    value = marshal.loads(payload)
                start = end
                self._frames.append((kind, op, detail, number, value))
        return start

    def _handle(self, nested: bool) -> None:
        frames = self._frames
        while frames:
            self._take(nested, *frames.popleft())

    def _take(
        self, nested: bool, kind: int, op: int, detail: int, number: int, value: Any
    ) -> None:
        if kind == ANSWER or kind == FAILURE:
            with self._lock:
                waiter = self._waiters.pop(number, None)
            if waiter is not None:
                waiter.value = value
                waiter.kind = kind
                if waiter.event is not None:
                    waiter.event.set()
            return
        run = self.handler(kind, op, detail, number, value)
        if run is None:
            return
        if not nested and not self._later:
            run()
        elif op in self.URGENT and nested:
            run()
            self.flush()
        else:
            self._later.append(run)
            self.wake()


def dumps(value: Any) -> bytes:
    """The value for a frame; what is not plain is made so. ValueError: that is impossible."""
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        return marshal.dumps(plain(value), 2)


def plain(value: Any) -> Any:
    """Subclasses of plain types as the plain types themselves. ValueError: no such thing."""
    if value is None or value is True or value is False:
        return value
    for kind in (str, bytes, int, float):
        if isinstance(value, kind):
            return kind.__new__(kind, value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return tuple(plain(item) for item in value)
    raise ValueError(f"cannot pass on a value of type {type(value).__name__}")
