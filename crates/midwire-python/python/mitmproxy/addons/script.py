"""Loading scripts."""

import asyncio
import importlib.machinery
import importlib.util
import logging
import os
import sys
import types
from typing import Any, List, Optional, Sequence

from mitmproxy import addonmanager, command, ctx, eventsequence, exceptions, flow, hooks
from mitmproxy import types as mtypes

logger = logging.getLogger(__name__)


def load_script(path: str) -> Optional[types.ModuleType]:
    """Load a file as module; ``None`` if that fails, which is logged."""
    fullname = "__mitmproxy_script__." + os.path.splitext(os.path.basename(path))[0]
    sys.modules.pop(fullname, None)
    former = sys.path
    # Only while the file runs, so that scripts do not see each other's modules.
    sys.path = [os.path.dirname(path), *former]
    module: Optional[types.ModuleType] = None
    try:
        loader = importlib.machinery.SourceFileLoader(fullname, path)
        spec = importlib.util.spec_from_loader(fullname, loader=loader)
        if spec is None:
            raise ImportError(f"cannot load {path}")
        module = importlib.util.module_from_spec(spec)
        # Decorators like dataclass look their module up while it is being run.
        sys.modules[fullname] = module
        loader.exec_module(module)
        if not hasattr(module, "name"):
            module.name = path  # type: ignore[attr-defined]
    except Exception as error:
        sys.modules.pop(fullname, None)
        module = None
        script_error_handler(path, error)
    finally:
        sys.path = former
    return module


def script_error_handler(path: str, exc: BaseException) -> None:
    """Log why a script cannot be loaded, with the part of the traceback that is its own."""
    tb = exc.__traceback__
    own = tb
    while own is not None and own.tb_frame.f_code.co_filename != path:
        own = own.tb_next
    logger.error("error in script %s", path, exc_info=(type(exc), exc, own or tb))


class Script:
    """A script file as addon. With ``reload`` its module is replaced when it changes."""

    def __init__(self, path: str, reload: bool) -> None:
        self.name = "scriptmanager:" + path
        self.path = path
        self.fullpath = os.path.abspath(os.path.expanduser(path.strip("'\" ")))
        self.ns: Optional[types.ModuleType] = None
        self.is_running = False
        self.mtime = 0.0
        if not os.path.isfile(self.fullpath):
            raise exceptions.OptionsError(f"No such script: {self.fullpath}")
        self.reload = reload
        self._watcher: Optional["asyncio.Task[None]"] = None
        if reload:
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
        else:
            self.loadscript()

    @property
    def addons(self) -> List[Any]:
        """The module, if it is loaded."""
        return [self.ns] if self.ns else []

    def running(self) -> None:
        """The program is running."""
        self.is_running = True

    def done(self) -> None:
        """The script is removed."""
        if self._watcher is not None:
            self._watcher.cancel()

    def loadscript(self) -> None:
        """Load the file, in place of the present module if there is one."""
        logger.info("Loading script %s", self.path)
        if self.ns:
            ctx.master.addons.remove(self.ns)
        self.ns = None
        with addonmanager.safecall():
            module = load_script(self.fullpath)
            if module is None:
                return
            ctx.master.addons.register(module)
            self.ns = module
        if self.ns is None:
            return
        try:
            ctx.master.addons.invoke_addon_sync(
                self.ns, hooks.make("configure", ctx.options.keys())
            )
        except Exception as error:
            script_error_handler(self.fullpath, error)
        if self.is_running:
            ctx.master.addons.invoke_addon_sync(self.ns, hooks.make("running"))

    async def _watch(self) -> None:
        while True:
            try:
                mtime = os.stat(self.fullpath).st_mtime
            except FileNotFoundError:
                logger.info("Removing script %s", self.path)
                scripts = list(ctx.options.scripts)
                scripts.remove(self.path)
                ctx.options.update(scripts=scripts)
                return
            if mtime > self.mtime:
                self.loadscript()
                self.mtime = mtime
            await asyncio.sleep(1)


class ScriptLoader:
    """Keeps the loaded scripts equal to the option ``scripts``."""

    def __init__(self) -> None:
        self.is_running = False
        self.addons: List[Script] = []

    def load(self, loader: addonmanager.Loader) -> None:
        """Declare the option."""
        if "scripts" not in loader.master.options:
            loader.add_option("scripts", Sequence[str], [], "Scripts to run.")

    def running(self) -> None:
        """The program is running."""
        self.is_running = True

    @command.command("script.run")
    def script_run(self, flows: Sequence[flow.Flow], path: mtypes.Path) -> None:
        """Load a script once and run its hooks over flows."""
        if not os.path.isfile(path):
            logger.error("No such script: %s", path)
            return
        module = load_script(path)
        if module is None:
            return
        addons = ctx.master.addons
        with addonmanager.safecall():
            addons.invoke_addon_sync(module, hooks.make("configure", ctx.options.keys()))
            addons.invoke_addon_sync(module, hooks.make("running"))
            for f in flows:
                for event in eventsequence.iterate(f):
                    addons.invoke_addon_sync(module, event)

    def configure(self, updated: Any) -> None:
        """Load and unload scripts after a change of the option."""
        if "scripts" not in updated:
            return
        wanted = list(ctx.options.scripts)
        for path in wanted:
            if wanted.count(path) > 1:
                raise exceptions.OptionsError("Duplicate script")
        for script in list(self.addons):
            if script.path not in wanted:
                logger.info("Un-loading script: %s", script.path)
                ctx.master.addons.remove(script)
                self.addons.remove(script)
        present = {script.path: script for script in self.addons}
        fresh = []
        for path in wanted:
            if path not in present:
                present[path] = Script(path, True)
                fresh.append(present[path])
        self.addons = [present[path] for path in wanted]
        for script in fresh:
            ctx.master.addons.register(script)
            if self.is_running:
                ctx.master.addons.invoke_addon_sync(script, hooks.make("running"))
