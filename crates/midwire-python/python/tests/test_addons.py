"""Addons, scripts, options and commands without a core."""

import asyncio
import logging
import pathlib
import sys
import textwrap
import typing
from typing import Any, Dict, List, Optional, Sequence

import pytest

from mitmproxy import (
    _mirror,
    addonmanager,
    command,
    ctx,
    exceptions,
    flow,
    hooks,
    log,
    options,
    optmanager,
    script,
    types,
)
from mitmproxy.addons.script import load_script
from mitmproxy.test import taddons, tflow


class Recorder:
    """An addon that notes its calls."""

    def __init__(self, name: str, inner: Sequence[Any] = ()) -> None:
        self.name = name
        self.addons = list(inner)
        self.calls: List[str] = []

    def load(self, loader: Any) -> None:
        self.calls.append("load")

    def configure(self, updated: Any) -> None:
        self.calls.append("configure")

    def done(self) -> None:
        self.calls.append("done")

    def request(self, f: Any) -> None:
        self.calls.append("request")


class Waiting:
    """An addon with an asynchronous hook."""

    name = "waiting"

    def __init__(self) -> None:
        self.seen = 0

    async def response(self, f: Any) -> None:
        await asyncio.sleep(0)
        self.seen += 1


def fire(name: str, *args: Any) -> Any:
    return hooks.make(name, *args)


def test_hooks_reach_nested_addons_and_wait_for_coroutines() -> None:
    inner, waiting = Recorder("inner"), Waiting()
    outer = Recorder("outer", [inner, waiting])
    with taddons.context(outer) as tctx:
        manager = tctx.master.addons
        assert manager.get("inner") is inner and inner in manager and len(manager) == 1
        asyncio.run(manager.trigger_event(fire("request", tflow.tflow())))
        asyncio.run(manager.trigger_event(fire("response", tflow.tflow())))
        assert outer.calls == inner.calls == ["load", "request"]
        assert waiting.seen == 1
        assert {"request", "response", "load", "done"} <= manager.interest()
        assert "error" not in manager.interest()
        manager.remove(outer)
        assert inner.calls[-1] == "done" and manager.get("inner") is None
        with pytest.raises(exceptions.AddonManagerError, match="No such addon: outer"):
            manager.remove(outer)


def test_names_are_unique() -> None:
    with taddons.context(Recorder("a")) as tctx:
        with pytest.raises(exceptions.AddonManagerError, match="An addon called 'a' already"):
            tctx.master.addons.add(Recorder("a"))


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        (lambda self, f: 1 / 0, "Addon error: division by zero"),
        (5, "not callable"),
    ],
)
def test_errors_are_logged_and_others_go_on(handler: Any, text: str, caplog: Any) -> None:
    bad = type("Bad", (), {"request": handler})()
    last = Recorder("last")
    with taddons.context(bad, last) as tctx:
        asyncio.run(tctx.master.addons.trigger_event(fire("request", tflow.tflow())))
    assert text in caplog.text and "request" in last.calls


def test_async_hooks_cannot_be_called_synchronously(caplog: Any) -> None:
    with taddons.context(Waiting()) as tctx:
        tctx.master.addons.trigger(fire("response", tflow.tflow()))
    assert "Async handler response" in caplog.text


def test_addon_halt_stops_the_event() -> None:
    class Halting:
        def request(self, f: Any) -> None:
            raise exceptions.AddonHalt()

    last = Recorder("last")
    with taddons.context(Halting(), last) as tctx:
        asyncio.run(tctx.master.addons.trigger_event(fire("request", tflow.tflow())))
    assert "request" not in last.calls


def test_update_follows_flow_hooks() -> None:
    seen: List[Any] = []

    class Updated:
        def update(self, flows: Any) -> None:
            seen.extend(flows)

    f = tflow.tflow()
    with taddons.context(Updated()) as tctx:
        asyncio.run(tctx.master.addons.handle_lifecycle(fire("request", f)))
        asyncio.run(tctx.master.addons.handle_lifecycle(fire("client_connected", f.client_conn)))
    assert seen == [f]


def test_old_hook_names_warn(caplog: Any) -> None:
    old = type("Old", (), {"clientconnect": None, "add_log": lambda self, entry: None})()
    with taddons.context(old):
        pass
    assert "clientconnect event has been removed" in caplog.text
    assert "add_log event has been deprecated" in caplog.text


def test_loader_options(caplog: Any) -> None:
    caplog.set_level(logging.INFO)

    class Options:
        def load(self, loader: addonmanager.Loader) -> None:
            loader.add_option("mine", typing.Optional[int], None, "help")
            loader.add_option("mine", typing.Optional[int], None, "help")
            assert not caplog.records and loader.master.options.mine == 7
            loader.add_option("mine", int, 5, "help")
            with pytest.raises(NotImplementedError):
                loader.add_option("wrong", dict, {}, "help")
            with pytest.raises(TypeError):
                loader.add_option("wrong", int, "x", "help")

    opts = options.Options()
    opts.set("mine=7", defer=True)
    with taddons.context(Options(), options=opts) as tctx:
        assert tctx.options.mine == 5
    assert "Over-riding existing option mine" in caplog.text


def test_configure_can_refuse() -> None:
    class Refusing:
        def configure(self, updated: Any) -> None:
            if "listen_port" in updated and ctx.options.listen_port == 13:
                raise exceptions.OptionsError("not 13")

    with taddons.context(Refusing()) as tctx:
        with pytest.raises(exceptions.OptionsError, match="not 13"):
            tctx.configure(None, listen_port=13)
        assert tctx.options.listen_port is None
        tctx.configure(None, listen_port=14)
        assert ctx.options.listen_port == 14


def test_options_go_to_the_core_and_come_from_it() -> None:
    sent: List[Dict[str, Any]] = []

    class Core(_mirror.Bridge):
        def option_specs(self) -> Any:
            return [
                _mirror.OptionSpec("a", int, 1, "", None, 2),
                _mirror.OptionSpec("s", Sequence[str], [], "", None, []),
            ]

        def set_options(self, values: Dict[str, Any]) -> None:
            if values.get("a") == 99:
                raise exceptions.OptionsError("no")
            sent.append(values)

        def add_option(self, spec: Any) -> Any:
            return ["7"] if spec.name == "late" else None

    former = _mirror.install(Core())
    try:
        opts = options.Options(bridge=True)
        told: List[Any] = []

        def listen(updated: Any) -> None:
            told.append((sorted(updated), opts.a))

        opts.changed.connect(listen)
        assert opts.a == 2 and opts.default("a") == 1
        opts.a = 3
        with pytest.raises(exceptions.OptionsError):
            opts.update(a=99)
        assert opts.a == 3
        opts.apply_remote({"a": 4})
        assert opts.a == 4 and sent == [{"a": 3}]
        assert told == [(["a"], 3), (["a"], 99), (["a"], 3), (["a"], 4)]
        opts.add_option("late", int, 0, "")
        opts.process_deferred()
        assert opts.late == 7 and sent[-1] == {"late": 7}
    finally:
        _mirror.install(former)


def sample() -> optmanager.OptManager:
    opts = optmanager.OptManager()
    for name, kind, default in (
        ("b", bool, False),
        ("i", int, 5),
        ("oi", Optional[int], None),
        ("s", str, "x"),
        ("os", Optional[str], None),
        ("q", Sequence[str], []),
    ):
        opts.add_option(name, kind, default, "")
    return opts


@pytest.mark.parametrize(
    ("specs", "name", "value"),
    [
        (["b"], "b", True),
        (["b="], "b", True),
        (["b=true"], "b", True),
        (["b=false"], "b", False),
        (["b=toggle"], "b", True),
        (["i=-3"], "i", -3),
        (["oi"], "oi", None),
        (["oi="], "oi", None),
        (["oi=4"], "oi", 4),
        (["s="], "s", ""),
        (["s=a=b"], "s", "a=b"),
        (["os"], "os", None),
        (["os="], "os", ""),
        (["q"], "q", []),
        (["q="], "q", [""]),
        (["q=a", "q=b"], "q", ["a", "b"]),
    ],
)
def test_set_reads_texts(specs: List[str], name: str, value: Any) -> None:
    opts = sample()
    opts.set(*specs)
    assert getattr(opts, name) == value


@pytest.mark.parametrize(
    ("specs", "text"),
    [
        (["b=x"], "Failed to parse option b"),
        (["i=x"], "not an integer: x"),
        (["i"], "Option is required: i"),
        (["s"], "Option is required: s"),
        (["i=1", "i=2"], "Received multiple values for i"),
        (["no=1", "nope"], r"Unknown option\(s\): no, nope"),
    ],
)
def test_set_refuses(specs: List[str], text: str) -> None:
    with pytest.raises(exceptions.OptionsError, match=text):
        sample().set(*specs)


def test_option_manager() -> None:
    opts = sample()
    with pytest.raises(AttributeError, match="No such option: no"):
        opts.no  # noqa: B018
    with pytest.raises(KeyError, match="Unknown options: no"):
        opts.no = 1
    with pytest.raises(TypeError, match="for i, but got"):
        opts.update(b=True, i="x")
    assert opts.b is False
    assert opts.update_known(i=1, no=2) == {"no": 2} and opts.i == 1
    assert opts.has_changed("i") and not opts.has_changed("b")
    opts.toggler("b")()
    opts.setter("i")(9)
    assert opts.b is True and opts.i == 9
    opts.merge({"q": ["z"], "s": None})
    opts.merge({"q": ["y"]})
    assert opts.q == ["z", "y"]
    opts.q.append("a copy")
    assert opts.q == ["z", "y"]
    seen: List[Any] = []

    def listener(o: Any, updated: Any) -> None:
        seen.append(sorted(updated))

    opts.subscribe(listener, ["i"])
    opts.update(i=1, s="y")
    opts.update(s="z")
    assert seen == [["i", "s"]]
    with pytest.raises(exceptions.OptionsError, match="No such option"):
        opts.subscribe(listener, ["no"])
    opts.reset()
    assert opts.i == 5 and opts.q == []
    opts.update_defer(later=5)
    opts.add_option("later", int, 1, "")
    opts.process_deferred()
    assert opts.later == 5 and opts.deferred == {}


class Commands:
    """Commands of all kinds."""

    @command.command("t.one")
    def one(self, a: str, b: int = 5) -> str:
        """Repeat a text."""
        return a * b

    @command.command()
    def t_many(self, *words: str) -> Sequence[str]:
        return list(words)

    @command.command("t.flows")
    def flows(self, flows: Sequence[flow.Flow]) -> int:
        return len(flows)

    @command.command("t.flow")
    def single(self, f: flow.Flow) -> str:
        return f.id

    @command.command("t.options")
    def choices(self) -> Sequence[str]:
        return ["x", "y"]

    @command.command("t.choice")
    @command.argument("c", type=types.Choice("t.options"))
    def choice(self, c: str, b: bool, p: types.Path, data: bytes = b"") -> str:
        return repr((c, b, p, data))

    @command.argument("c", type=types.Choice("t.options"))
    @command.command("t.outer")
    def outer(self, c: str) -> "Sequence[str]":
        return [c]

    @command.command("t.wrong")
    def wrong(self) -> int:
        return "x"  # type: ignore[return-value]

    @command.command("t.fail")
    def fail(self) -> None:
        raise exceptions.CommandError("no luck")

    @command.command("t.run")
    def run(self, c: types.Cmd, *args: types.CmdArgs) -> str:
        return repr((c, args))

    @command.command("t.mark")
    def mark(self, m: types.Marker, cuts: types.CutSpec, words: Sequence[str]) -> str:
        return repr((m, cuts, words))

    @command.command("t.unknown")
    def unknown(self, x: float) -> None: ...


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("t.one x", "xxxxx"),
        ("t.one x 2", "xx"),
        ("'t.one' \"b c\" 1", "b c"),
        (r"t.one 'x\ty' 1", "x\ty"),
        ("t.many a b", ["a", "b"]),
        ("t.many", []),
        (r"t.choice x true /a b\n", "('x', True, '/a', b'b\\n')"),
        ("t.run t.one a b", "('t.one', ('a', 'b'))"),
        ("t.outer x", ["x"]),
        ("t.mark true a,b 'c, d'", "(':default:', ['a', 'b'], ['c', 'd'])"),
        ("t.mark :grapes: a b", "(':grapes:', ['a'], ['b'])"),
        ("t.mark false a b", "('', ['a'], ['b'])"),
    ],
)
def test_commands(line: str, result: Any) -> None:
    with taddons.context(Commands()) as tctx:
        assert tctx.master.commands.execute(line) == result


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("t.one", "Command argument mismatch"),
        ("t.one x 2 3", "Command argument mismatch"),
        ("t.one x y", "invalid literal for int"),
        ("t.choice z true p", "Invalid choice."),
        ("t.choice x yes p", "Booleans are 'true' or 'false', got yes"),
        ("t.outer z", "Invalid choice."),
        ("t.wrong", "t.wrong returned unexpected data - expected int"),
        ("t.fail", "no luck"),
        ("t.run nope", "Unknown command: nope"),
        ("t.mark zz a b", "Invalid choice."),
        ("t.flows @all", "Unknown command: view.flows.resolve"),
        ("t.unknown 1", "Unknown command: t.unknown"),
        ("nope", "Unknown command: nope"),
        ("", "Invalid command: ''"),
    ],
)
def test_commands_fail(line: str, text: str) -> None:
    with taddons.context(Commands()) as tctx:
        with pytest.raises(exceptions.CommandError) as caught:
            tctx.master.commands.execute(line)
    assert text in str(caught.value)


def test_command_details(caplog: Any) -> None:
    addon = Commands()
    with taddons.context(addon) as tctx:
        manager = tctx.master.commands
        assert "Could not load command t.unknown: Argument x has an unknown type" in caplog.text
        assert manager.call("t.one", "q") == "qqqqq"
        assert manager.call_strings("t.one", ["q", "1"]) == "q"
        with pytest.raises(exceptions.CommandError, match="missing a required argument: 'a'"):
            manager.call("t.one")
        found = manager.commands["t.one"]
        assert found.signature_help() == "t.one a b -> str" and found.help == "Repeat a text."
        assert manager.commands["t.many"].signature_help() == "t.many *words -> str[]"
        assert tctx.command(addon.one, "x", "2") == "xx"
        tokens, todo = manager.parse_partial("t.one x zz")
        assert [(t.value, t.valid) for t in tokens if t.value != " "] == [
            ("t.one", True),
            ("x", True),
            ("zz", False),
        ]
        assert todo == []
        _, todo = manager.parse_partial("t.choice ")
        assert [param.name for param in todo] == ["c", "b", "p", "data"]


def test_commands_of_the_core() -> None:
    calls: List[Any] = []
    f = tflow.tflow()

    class Core(_mirror.Bridge):
        def command_specs(self) -> Any:
            kinds = [("n", "int", "required"), ("p", "str", "optional")]
            return [_mirror.CommandSpec("core.do", kinds, "", "")]

        def call_command(self, name: str, args: Sequence[Any]) -> Any:
            calls.append((name, list(args)))
            return "done"

        def resolve_flows(self, spec: str) -> Any:
            return [f] if spec == "@focus" else []

    former = _mirror.install(Core())
    try:
        with taddons.context(Commands()) as tctx:
            manager = tctx.master.commands
            assert manager.call("core.do", 1) == "done"
            assert manager.execute("core.do 2 'a b'") == "done"
            assert calls == [("core.do", [1]), ("core.do", [2, "a b"])]
            with pytest.raises(exceptions.CommandError, match="invalid literal"):
                manager.execute("core.do x")
            assert manager.execute("t.flows @focus") == 1
            assert manager.execute("t.flow @focus") == f.id
            with pytest.raises(exceptions.CommandError, match="specification matched 0"):
                manager.execute("t.flow @all")
            assert "core.do" in manager.names()
    finally:
        _mirror.install(former)


def write(path: pathlib.Path, text: str) -> str:
    path.write_text(textwrap.dedent(text))
    return str(path)


def test_scripts_are_loaded(tmp_path: pathlib.Path, caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    write(tmp_path / "besides.py", "VALUE = 7")
    path = write(
        tmp_path / "mine.py",
        """
        from __future__ import annotations
        import dataclasses, typing
        from mitmproxy import command, ctx, http
        import besides

        @dataclasses.dataclass
        class Counter:
            count: int = 0
            def request(self, flow: http.HTTPFlow) -> None:
                self.count += besides.VALUE
            @command.command("mine.count")
            def read(self, plus: int = 0) -> int:
                return self.count + plus

        def load(loader):
            loader.add_option("mine_option", bool, False, "")

        addons = [Counter()]
        """,
    )
    before = list(sys.path)
    with taddons.context() as tctx:
        module = tctx.script(path)
        assert sys.path == before and module.name == path
        asyncio.run(tctx.cycle(module, tflow.tflow()))
        assert tctx.master.commands.execute("mine.count 1") == 8
        assert tctx.options.mine_option is False
    assert "Loading script" in caplog.text


def test_scripts_with_errors_are_logged(tmp_path: pathlib.Path, caplog: Any) -> None:
    path = write(tmp_path / "bad.py", "x = 1\nraise ValueError('oops')\n")
    assert load_script(path) is None
    assert f"error in script {path}" in caplog.text
    assert "line 2" in caplog.text and "ValueError: oops" in caplog.text
    assert "importlib" not in caplog.text
    with taddons.context() as tctx, pytest.raises(exceptions.OptionsError, match="No such script"):
        tctx.script(str(tmp_path / "missing.py"))


def test_concurrent_hooks() -> None:
    import threading

    threads: List[Any] = []

    class Blocking:
        @script.concurrent
        def request(self, f: Any) -> None:
            threads.append(threading.current_thread())

        @script.concurrent
        async def response(self, f: Any) -> None:
            await asyncio.sleep(0)
            threads.append(threading.current_thread())

    with taddons.context(Blocking()) as tctx:
        asyncio.run(tctx.master.addons.trigger_event(fire("request", tflow.tflow())))
        asyncio.run(tctx.master.addons.trigger_event(fire("response", tflow.tflow())))
    assert len(threads) == 2 and threading.main_thread() not in threads
    for name in ("load", "other"):
        function = lambda self: None  # noqa: E731
        function.__name__ = name
        with pytest.raises(NotImplementedError, match=f"not supported for '{name}' method"):
            script.concurrent(function)


def test_held_flows_wait() -> None:
    async def scenario() -> bool:
        f = tflow.tflow()
        f.intercept()
        waiting = asyncio.ensure_future(f.wait_for_resume())
        await asyncio.sleep(0)
        held = not waiting.done()
        f.resume()
        await asyncio.wait_for(waiting, 10)
        await f.wait_for_resume()
        return held

    assert asyncio.run(scenario())


def test_a_held_flow_is_released_by_the_core() -> None:
    async def scenario() -> None:
        f = tflow.tflow()
        f.intercept()
        waiting = asyncio.ensure_future(f.wait_for_resume())
        await asyncio.sleep(0)
        _mirror.absorb(f, {"intercepted": False})
        await asyncio.wait_for(waiting, 10)

    asyncio.run(scenario())


def test_ctx_log_is_deprecated(caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    with taddons.context():
        for level in ("debug", "info", "alert", "warn", "error"):
            with pytest.warns(DeprecationWarning):
                getattr(ctx.log, level)(f"at {level}")
        with pytest.warns(DeprecationWarning):
            ctx.log("called", "error")
    levels = {record.getMessage(): record.levelno for record in caplog.records}
    assert levels["at alert"] == log.ALERT == 21 and levels["called"] == logging.ERROR
    assert log.log_tier("debug") == 3 and log.LogEntry("a", "info") == log.LogEntry("a", "info")


def test_command_decorator_needs_a_real_parameter() -> None:
    with pytest.raises(AssertionError):
        command.argument("nope", type=str)(lambda x: None)
