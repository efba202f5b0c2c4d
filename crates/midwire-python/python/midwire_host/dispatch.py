"""Which functions of scripts a hook calls, and in which order."""

import types
from typing import Any, Callable, Dict, List, Sequence, Tuple

from mitmproxy import addonmanager, exceptions
from midwire_host import scripts

Handler = Callable[..., Any]

_LIFE = frozenset(("load", "configure", "running", "done", "update", "add_log"))


class Table:
    """Handlers by hook. Those of one group are skipped after an exception in it, as all
    scripts are for an event; addons that were added otherwise are groups of their own."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._groups: List[List[List[Handler]]] = [[] for _ in names]

    def refresh(self, loader: Any, chain: Sequence[Any]) -> Dict[str, Any]:
        """Look at all addons again and give what the core is told."""
        hooks: List[str] = []
        observed: List[str] = []
        roots = [list(loader.addons), *([addon] for addon in chain if addon is not loader)]
        flat = [list(addonmanager.traverse(root)) for root in roots]
        for index, name in enumerate(self._names):
            groups = [self._handlers(addons, name) for addons in flat]
            self._groups[index] = groups = [group for group in groups if group]
            if groups:
                hooks.append(name)
                handlers = [handler for group in groups for handler in group]
                if all(getattr(handler, "__midwire_observe__", False) for handler in handlers):
                    observed.append(name)
        report: Dict[str, Any] = {"hooks": hooks, "observed": observed}
        for name in ("configure", "update", "add_log"):
            report[name] = any(self._handlers(addons, name) for addons in flat)
        return report

    @staticmethod
    def _handlers(addons: Sequence[Any], name: str) -> List[Handler]:
        found = []
        for addon in addons:
            if isinstance(addon, scripts.Script):
                continue
            handler = getattr(addon, name, None)
            if handler is None or isinstance(handler, types.ModuleType):
                continue
            if not callable(handler):
                handler = _not_callable(addon, name)
            found.append(handler)
        return found

    def run(self, hook: int, argument: Any, spawn: Callable[[Any], None], done: Callable[[], None]) -> None:
        """Call all handlers and then ``done``: now, or by ``spawn`` if one has to be awaited."""
        groups = self._groups[hook]
        for at, group in enumerate(groups):
            for position, handler in enumerate(group):
                try:
                    result = handler(argument)
                    if result is None or not scripts.is_async(result):
                        continue
                    rest = [group[position + 1 :], *groups[at + 1 :]]
                    spawn(self._go_on(result, rest, argument, done))
                    return
                except exceptions.AddonHalt:
                    done()
                    return
                except exceptions.OptionsError as error:
                    _complain(error)
                except Exception as error:
                    addonmanager.report(error, __file__)
                break
        done()

    async def _go_on(
        self, waiting: Any, groups: List[List[Handler]], argument: Any, done: Callable[[], None]
    ) -> None:
        try:
            failed = True
            try:
                with addonmanager.safecall():
                    await waiting
                    failed = False
            except exceptions.OptionsError as error:
                _complain(error)
            for index, group in enumerate(groups):
                if failed and index == 0:
                    continue
                for handler in group:
                    ok = False
                    try:
                        with addonmanager.safecall():
                            result = handler(argument)
                            if scripts.is_async(result):
                                await result
                            ok = True
                    except exceptions.OptionsError as error:
                        _complain(error)
                    if not ok:
                        break
        except exceptions.AddonHalt:
            pass
        finally:
            done()


def _not_callable(addon: Any, name: str) -> Handler:
    def complain(*_: Any) -> None:
        raise exceptions.AddonManagerError(f"Addon handler {name} ({addon}) not callable")

    return complain


def _complain(error: BaseException) -> None:
    addonmanager.logger.error("Addon error: %s", error, exc_info=error)


Report = Tuple[List[str], List[str]]
