"""The life of a script process."""

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Set

from mitmproxy import _mirror, addonmanager, exceptions, hooks, http, master, options
from mitmproxy.utils import human
from midwire_host import arguments, bridge, channel, dispatch, logs, mirror, scripts

_COLLECT = (20_000, 20, 20)
"""Thresholds of the garbage collector."""

_POLL = 1.0
"""Seconds between looks at the files of scripts."""


class Addons(addonmanager.AddonManager):
    """Notes when addons come or go, so that the core can be told."""

    stale = True

    def register(self, addon: Any) -> Any:
        self.stale = True
        return super().register(addon)

    def remove(self, addon: Any) -> None:
        self.stale = True
        super().remove(addon)


class Host:
    """Everything of this process."""

    def __init__(self, link: channel.Channel, loop: asyncio.AbstractEventLoop) -> None:
        self._link = link
        self._loop = loop
        self._thread = threading.get_ident()
        self._mirror = mirror.Mirror(link)
        self._bridge = bridge.HostBridge(link, self._mirror)
        self._tasks: Set[Any] = set()
        self._flushing = False
        self._busy = False
        """Frames are being handled, and all is flushed after them."""
        self._names: List[str] = []
        self._of_flows: List[bool] = []
        self._report: Dict[str, Any] = {}
        self._worker = 0
        self._master: Any = None
        self._table = dispatch.Table(())
        self._loader = scripts.ScriptLoader(self)
        self.is_running = False
        self.is_loaded = False
        link.handler = self.take
        link.wake = self._wake
        _mirror.install(self._bridge)
        logs.install(link, self.flush_soon)

    # What the parts need of each other

    def say(self, text: str, *args: Any) -> None:
        """Log what all processes do, once."""
        if self._worker == 0:
            logging.getLogger("mitmproxy.addons.script").info(text, *args)

    def spawn(self, work: scripts.Work) -> None:
        """Run a coroutine beside everything else."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def flush_soon(self) -> None:
        """Send what waits when the loop comes round."""
        if self._flushing:
            return
        self._flushing = True
        if threading.get_ident() == self._thread:
            self._loop.call_soon(self._flush)
        else:
            self._loop.call_soon_threadsafe(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self.guard(self._link.flush)

    def _wake(self) -> None:
        self._loop.call_soon(self.readable, False)

    def readable(self, read: bool = True) -> None:
        """The core has said something, or something was put off."""

        self._busy = True
        try:
            if read:
                self._link.readable(self._tell)
            else:
                self._link.run_later()
                self._tell()
                self._link.flush()
        except channel.Closed:
            end(1)
        finally:
            self._busy = False

    def guard(self, work: Callable[[], None]) -> None:
        """Run something and end the process if the core is gone."""
        try:
            work()
        except channel.Closed:
            end(1)

    def _tell(self) -> None:
        """News that the core should have before it gets answers."""
        if self.is_loaded and self._master.addons.stale:
            self._refresh()
            self._link.note(channel.INTEREST, self._report)
        gone = self._mirror.take_gone()
        if gone:
            self._link.note(channel.GONE, gone)

    def _refresh(self) -> None:
        self._master.addons.stale = False
        self._report = self._table.refresh(self._loader, self._master.addons.chain)

    # Frames

    def take(self, kind: int, op: int, detail: int, number: int, value: Any) -> Optional[Callable[[], None]]:
        """Bring the mirror up to date and give what is to be run."""
        if op == channel.HOOK:
            last = detail & channel.LAST
            detail &= ~channel.LAST
            if self._of_flows[detail]:
                flow = self._mirror.flow(value)
                return lambda: self._flow_hook(detail, flow, number, last)
            name = self._names[detail]
            argument = arguments.take(name, value, self._mirror)
            return lambda: self._hook(detail, name, argument, number)
        if op == channel.STREAM:
            return lambda: self._stream(detail, value, number)
        if op == channel.FORGET:
            self._mirror.forget(value)
            return None
        if op == channel.UPDATE:
            flow = self._mirror.flow(value)
            return lambda: self._trigger("update", [flow])
        if op == channel.RUN_COMMAND:
            held = [self._mirror.flow(reference) for reference in value[2]]
            return lambda: self._command(number, value[0], value[1], held)
        run = {
            channel.LOAD: self._load,
            channel.CONFIGURE: self._configure,
            channel.RUNNING: self._running,
            channel.DONE: self._done,
            channel.PING: lambda n, _: self._link.answer(channel.PING, n, None),
            channel.LOG_ENTRY: self._log_entry,
            channel.RENDER: self._render,
        }.get(op)
        if run is None:
            if kind == channel.CALL:
                self._link.fail(op, number, f"unknown operation {op}")
            return None
        return lambda: self._serve(run, op, number, value)

    def _serve(self, run: Callable[[int, Any], None], op: int, number: int, value: Any) -> None:
        try:
            run(number, value)
        except Exception as error:
            # The core waits for an answer, whatever happens here.
            dispatch._complain(error)
            if number:
                self._link.fail(op, number, f"{type(error).__name__}: {error}")

    def _load(self, number: int, greeting: Dict[str, Any]) -> None:
        if greeting["protocol"] != channel.VERSION:
            self._link.fail(channel.LOAD, number, "the script host is of another version")
            return
        self._names = greeting["hooks"]
        self._of_flows = [name in arguments.FLOW_HOOKS for name in self._names]
        self._worker = greeting["worker"]
        self.is_running = greeting["running"]
        self._bridge.greet(greeting)
        self._bridge.options = options.Options(bridge=True)
        self._master = master.Master(self._bridge.options, self._loop)
        self._master.options.changed.disconnect(self._master.addons._configure_all)
        self._master.addons = Addons(self._master)
        self._master.addons.add(self._loader)
        self._table = dispatch.Table(self._names)
        self._loader.start(greeting["scripts"])
        self.is_loaded = True
        self._refresh()
        self._link.answer(channel.LOAD, number, self._report)
        self._loop.call_later(_POLL, self._poll)
        # What is loaded stays; only what comes now is looked through for garbage, and flows
        # are freed without that.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT)

    def _poll(self) -> None:
        def work() -> None:
            try:
                self._loader.check()
            except Exception as error:
                logging.getLogger("mitmproxy.addons.script").error("%s", error, exc_info=error)
            flush_outputs()
            self._tell()
            self._link.flush()

        self.guard(work)
        self._loop.call_later(_POLL, self._poll)

    def _configure(self, number: int, values: Dict[str, Any]) -> None:
        known = self._master.options
        committing = self._bridge.committing
        news = {
            name: value
            for name, value in values.items()
            if name in known and not (name in committing and bridge.listed(getattr(known, name)) == bridge.listed(value))
        }
        reason = None
        if news:
            try:
                known.apply_remote(news)
            except exceptions.OptionsError as error:
                reason = str(error)
            except Exception as error:
                dispatch._complain(error)
        self._tell()
        if not number:
            return
        if reason is None:
            self._link.answer(channel.CONFIGURE, number, None)
        else:
            self._link.fail(channel.CONFIGURE, number, reason)

    def _running(self, number: int, _: Any) -> None:
        self.is_running = True
        self.spawn(self._life("running", channel.RUNNING, number))

    def _done(self, number: int, _: Any) -> None:
        self.spawn(self._life("done", channel.DONE, number))

    async def _life(self, name: str, op: int, number: int) -> None:
        try:
            with addonmanager.safecall():
                await self._master.addons.trigger_event(hooks.make(name))
        except Exception as error:
            dispatch._complain(error)
        except channel.Closed:
            end(1)
        self._tell()
        flush_outputs()
        self._link.answer(op, number, None)
        self._flush()
        if op == channel.DONE:
            self._loop.stop()

    def _trigger(self, name: str, argument: Any) -> None:
        self._master.addons.trigger(hooks.make(name, argument))

    def _log_entry(self, _: int, value: Any) -> None:
        from mitmproxy import log

        level, text, stamp, client = value
        when = time.strftime("%H:%M:%S", time.localtime(stamp)) + f".{int(stamp * 1000) % 1000:03d}"
        shown = f"[{when}][{client}] {text}" if client else f"[{when}] {text}"
        token = logs.echo.set(True)
        try:
            self._trigger("add_log", log.LogEntry(shown, level))
        finally:
            logs.echo.reset(token)

    def _render(self, number: int, value: Any) -> None:
        name, what, data, content_type, kind = value
        view = self._bridge.views.get(name.lower())
        if view is None:
            self._link.fail(channel.RENDER, number, f"unknown content view {name}")
            return
        metadata = arguments.metadata(data, content_type, kind)
        try:
            if what == "priority":
                answer: Any = float(view.render_priority(data, metadata))
            else:
                answer = str(view.prettify(data, metadata))
        except Exception as error:
            self._link.fail(channel.RENDER, number, f"{type(error).__name__}: {error}")
        else:
            self._link.answer(channel.RENDER, number, answer)

    def _flow_hook(self, index: int, flow: Any, number: int, last: int) -> None:
        active = self._bridge.active
        flow_id = flow.id
        active[flow_id] = active.get(flow_id, 0) + 1

        def done() -> None:
            count = active[flow_id] - 1
            if count:
                active[flow_id] = count
            else:
                del active[flow_id]
            self._answer_hook(self._names[index], flow, number)
            if last:
                self._mirror.forget((flow_id,))

        self._run(index, flow, flow.client_conn.peername, done)

    def _hook(self, index: int, name: str, argument: Any, number: int) -> None:
        peer = arguments.peer_of(argument)
        self._run(index, argument, peer, lambda: self._answer_hook(name, argument, number))

    def _run(self, index: int, argument: Any, peer: Any, done: Callable[[], None]) -> None:
        token = logs.client.set(human.format_address(peer) if peer else None)
        try:
            self._table.run(index, argument, self.spawn, done)
        finally:
            logs.client.reset(token)

    def _answer_hook(self, name: str, argument: Any, number: int) -> None:
        if not number:
            # All handlers only look on: the flow has gone on, so changes have no place to go.
            arguments.settle(name, argument)
            return
        try:
            answer = arguments.give(name, argument, self._mirror)
        except (ValueError, TypeError, AttributeError) as error:
            logging.getLogger("mitmproxy.addonmanager").error(
                "Addon error: %s cannot be used as a script has left it: %s", name, error
            )
            answer = None
        self._link.answer(channel.HOOK, number, answer)
        if not self._busy:
            self.flush_soon()

    def _stream(self, part: int, value: Any, number: int) -> None:
        flow = self._mirror.get(value[0])
        message = None
        if isinstance(flow, http.HTTPFlow):
            message = flow.response if part else flow.request
        function = getattr(message, "stream", None)
        if not callable(function):
            # It was taken back: the rest passes as it is.
            self._link.answer(channel.STREAM, number, [value[1]] if value[1] else [])
            return
        try:
            pieces = function(value[1])
            if isinstance(pieces, (bytes, bytearray, memoryview)):
                pieces = [pieces]
            self._link.answer(channel.STREAM, number, [bytes(piece) for piece in pieces])
        except Exception as error:
            dispatch._complain(error)
            self._link.fail(channel.STREAM, number, f"{type(error).__name__}: {error}")

    def _command(self, number: int, name: str, values: List[Any], held: List[Any]) -> None:
        try:
            found = self._master.commands.commands[name]
            args = arguments.command_args(found, [self._bridge.value_of(v) for v in values])
            result = found.func(*args)
        except KeyError:
            self._link.fail(channel.RUN_COMMAND, number, f"Unknown command: {name}")
            return
        except exceptions.CommandError as error:
            self._link.fail(channel.RUN_COMMAND, number, str(error))
            return
        except Exception as error:
            dispatch._complain(error)
            self._link.fail(channel.RUN_COMMAND, number, f"{type(error).__name__}: {error}")
            return
        if scripts.is_async(result):
            self.spawn(self._command_later(number, result, held))
        else:
            self._command_result(number, result, held)

    async def _command_later(self, number: int, waiting: Any, held: List[Any]) -> None:
        try:
            result = await waiting
        except Exception as error:
            self._link.fail(channel.RUN_COMMAND, number, str(error))
        else:
            self._command_result(number, result, held)
        self._flush()

    def _command_result(self, number: int, result: Any, held: List[Any]) -> None:
        changed = []
        for flow in held:
            try:
                changes = self._mirror.changes(flow)
            except ValueError as error:
                dispatch._complain(error)
                continue
            if changes:
                changed.append((flow.id, changes))
        value = self._bridge.result_of(result, [])
        self._link.answer(channel.RUN_COMMAND, number, (value, changed))


def flush_outputs() -> None:
    """Let out what was printed without a line end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass


def end(status: int) -> None:
    """End the process now: without the core nothing has a meaning any more."""
    flush_outputs()
    os._exit(status)


def main() -> None:
    """Run until the core says that it is over."""
    sock = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    sock.setblocking(True)
    for stream in (sys.stdout, sys.stderr):
        # Lines come out when they are complete, as they do in a terminal.
        stream.reconfigure(line_buffering=True)  # type: ignore[attr-defined]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    host = Host(channel.Channel(sock), loop)
    loop.add_reader(sock.fileno(), host.readable)
    loop.run_forever()
