"""The scripts of the option ``scripts``: loading, unloading, loading again when they change."""

import inspect
import logging
import os
import shlex
import site
import sys
import sysconfig
from typing import Any, Callable, Coroutine, Dict, List, Optional, Sequence, Tuple

from mitmproxy import addonmanager, command, ctx, eventsequence, exceptions, flow, hooks
from mitmproxy import types as command_types
from mitmproxy.addons import script as loading
from midwire_host import requirements

logger = logging.getLogger("mitmproxy.addons.script")


def _foreign() -> Tuple[str, ...]:
    """Folders of modules that are not the script's own."""
    folders = {sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.add(site.getusersitepackages())
    folders.add(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return tuple(os.path.join(os.path.abspath(folder), "") for folder in folders if folder)


_FOREIGN = _foreign()


def split(entry: str) -> Tuple[str, List[str]]:
    """The file of a script and the arguments that follow it."""
    whole = os.path.abspath(os.path.expanduser(entry.strip("'\" ")))
    if not os.path.isfile(whole) and ".py " in entry:
        at = entry.index(".py ") + 3
        path = os.path.abspath(os.path.expanduser(entry[:at].strip("'\" ")))
        return path, shlex.split(entry[at:])
    return whole, []


class Script:
    """One script, an addon that holds the module as inner addon."""

    def __init__(self, entry: str) -> None:
        self.name = "scriptmanager:" + entry
        self.path = entry
        self.fullpath, self.args = split(entry)
        self.module: Optional[Any] = None
        self._times: Dict[str, float] = {}
        self._own: Dict[str, Any] = {}

    @property
    def addons(self) -> List[Any]:
        """The module, if it is loaded."""
        return [] if self.module is None else [self.module]

    def load_module(self, say: Callable[..., None]) -> Optional[Any]:
        """Run the file. ``None`` if that fails, which is logged; the former modules stay then."""
        key = "__mitmproxy_script__." + os.path.splitext(os.path.basename(self.fullpath))[0]
        former = {name: sys.modules.pop(name) for name in self._own if name in sys.modules}
        if key in sys.modules:
            former[key] = sys.modules[key]
        known = set(sys.modules)
        argv = sys.argv
        sys.argv = [self.fullpath, *self.args]
        module = None
        try:
            requirements.provide(self.fullpath, say)
            module = loading.load_script(self.fullpath)
        except requirements.RequirementsError as error:
            logger.error("error in script %s: %s.", self.fullpath, error)
        finally:
            sys.argv = argv
        own = {
            name: found
            for name, found in list(sys.modules.items())
            if name not in known and self._is_own(found)
        }
        self._note_times(own)
        if module is None:
            sys.modules.update(former)
        else:
            self._own = own
        return module

    @staticmethod
    def _is_own(module: Any) -> bool:
        file = getattr(module, "__file__", None)
        return bool(file) and not os.path.abspath(file).startswith(_FOREIGN)

    def _note_times(self, own: Dict[str, Any]) -> None:
        files = {self.fullpath, *self._times}
        files.update(os.path.abspath(module.__file__) for module in own.values())
        self._times = {file: modified(file) for file in files}

    def has_changed(self) -> bool:
        """Is a file of the script newer than what was loaded?"""
        return any(modified(file) not in (0.0, time) for file, time in self._times.items())


def modified(file: str) -> float:
    """When a file was modified; 0 if it is gone."""
    try:
        return os.stat(file).st_mtime
    except OSError:
        return 0.0


class ScriptLoader:
    """The first addon: it keeps the loaded scripts equal to the option."""

    name = "scriptloader"

    def __init__(self, host: Any) -> None:
        self._host = host
        self.addons: List[Script] = []

    def start(self, entries: Sequence[str]) -> None:
        """Load the first scripts."""
        for entry in entries:
            self._add(entry)

    def _add(self, entry: str) -> None:
        script = Script(entry)
        self.addons.append(script)
        ctx.master.addons.lookup[script.name] = script
        self._host.say("Loading script %s", entry)
        module = script.load_module(self._host.say)
        if module is not None and self._register(script, module):
            self._introduce(module)

    def _register(self, script: Script, module: Any) -> bool:
        done = False
        try:
            with addonmanager.safecall():
                ctx.master.addons.register(module)
                script.module = module
                done = True
        except (exceptions.OptionsError, exceptions.AddonHalt) as error:
            # Such as a value for an option of the script that is of the wrong type.
            loading.script_error_handler(script.fullpath, error)
        return done

    def _introduce(self, module: Any) -> None:
        """Show the options to a new module, and tell it if the program is running already."""
        addons = ctx.master.addons
        try:
            addons.invoke_addon_sync(module, hooks.make("configure", ctx.options.keys()))
        except Exception as error:
            loading.script_error_handler(getattr(module, "__file__", ""), error)
        if self._host.is_running:
            self._host.spawn(self._running(module))

    @staticmethod
    async def _running(module: Any) -> None:
        with addonmanager.safecall():
            await ctx.master.addons.invoke_addon(module, hooks.make("running"))

    def configure(self, updated: Any) -> None:
        """Load and unload after a change of the option."""
        if "scripts" not in updated or not self._host.is_loaded:
            return
        wanted = list(ctx.options.scripts)
        if len(set(wanted)) != len(wanted):
            raise exceptions.OptionsError("Duplicate script")
        for script in [script for script in self.addons if script.path not in wanted]:
            self._host.say("Un-loading script: %s", script.path)
            self._remove(script)
        present = {script.path for script in self.addons}
        for entry in wanted:
            if entry not in present:
                self._add(entry)
        self.addons.sort(key=lambda script: wanted.index(script.path))

    def _remove(self, script: Script) -> None:
        self.addons.remove(script)
        ctx.master.addons.lookup.pop(script.name, None)
        if script.module is not None:
            with addonmanager.safecall():
                ctx.master.addons.remove(script.module)
            script.module = None

    def check(self) -> None:
        """Look for changed files; called every second."""
        for script in list(self.addons):
            if not os.path.exists(script.fullpath):
                self._host.say("Removing script %s", script.path)
                scripts = [path for path in ctx.options.scripts if path != script.path]
                ctx.options.update(scripts=scripts)
            elif script.has_changed():
                self.reload(script)

    def reload(self, script: Script) -> None:
        """Put the new version in place of the old one, which stays if the new one is broken."""
        self._host.say("Loading script %s", script.path)
        former = script.module
        module = script.load_module(self._host.say)
        if module is None:
            if former is not None:
                logger.warning("The former version of %s stays loaded.", script.path)
            return
        if former is not None:
            with addonmanager.safecall():
                ctx.master.addons.remove(former)
            script.module = None
        if self._register(script, module):
            self._introduce(module)
        elif former is not None:
            self._restore(script, former)

    @staticmethod
    def _restore(script: Script, former: Any) -> None:
        addons = ctx.master.addons
        for inner in addonmanager.traverse([former]):
            addons.lookup[addonmanager._get_name(inner)] = inner
            addons.master.commands.collect_commands(inner)
        script.module = former
        logger.warning("The former version of %s stays loaded.", script.path)

    @command.command("script.run")
    def script_run(self, flows: Sequence[flow.Flow], path: command_types.Path) -> None:
        """Load a script once and run its hooks over flows."""
        if not os.path.isfile(path):
            logger.error("No such script: %s", path)
            return
        module = loading.load_script(path)
        if module is None:
            return
        addons = ctx.master.addons
        with addonmanager.safecall():
            addons.invoke_addon_sync(module, hooks.make("configure", ctx.options.keys()))
            addons.invoke_addon_sync(module, hooks.make("running"))
            for f in flows:
                for event in eventsequence.iterate(f):
                    addons.invoke_addon_sync(module, event)


def is_async(result: Any) -> bool:
    """Does somebody have to wait for this?"""
    return result is not None and inspect.isawaitable(result)


Work = Coroutine[Any, Any, None]
