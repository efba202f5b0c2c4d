"""Dependency blocks of scripts (PEP 723), installed by ``uv`` into a folder of their own.

The interpreter stays the one that was chosen, so what it has can be imported as well; packages
of a block come before those. Folders are kept in the user's cache and shared by all scripts
with the same block."""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, List, Optional, Tuple

_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
_TIMEOUT = 600
"""Seconds for an installation."""

_OURS = ("mitmproxy", "midwire")
"""Packages that scripts get from here, whatever their block says."""


class RequirementsError(Exception):
    """The packages of a script cannot be had; one line."""


def block(text: str) -> Optional[str]:
    """The content of a script's block without the comment signs. ``None``: it has none."""
    found = [m for m in _BLOCK.finditer(text) if m.group("type") == "script"]
    if len(found) > 1:
        raise RequirementsError("it has more than one dependency block")
    if not found:
        return None
    lines = found[0].group("content").splitlines(keepends=True)
    return "".join(line[2:] if line.startswith("# ") else line[1:] for line in lines)


def parse(content: str) -> Tuple[List[str], str]:
    """The dependencies and the versions of Python that a block asks for."""
    try:
        import tomllib
    except ImportError:
        return _parse_simply(content)
    try:
        table: Dict[str, Any] = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise RequirementsError(f"its dependency block is no TOML: {error}") from None
    wanted = table.get("dependencies", [])
    if not isinstance(wanted, list) or not all(isinstance(item, str) for item in wanted):
        raise RequirementsError("dependencies in its dependency block is no list of texts")
    return wanted, str(table.get("requires-python", ""))


def _parse_simply(content: str) -> Tuple[List[str], str]:
    # Python before 3.11 has no reader of TOML. uv reads the block itself; this is for messages
    # and to know whether there is something to install.
    text = re.sub(r"(?m)^\s*#.*$", "", content)
    found = re.search(r"(?ms)^dependencies\s*=\s*\[(.*?)\][ \t]*(?:#[^\n]*)?$", text)
    quoted = re.findall(r"\"([^\"]*)\"|'([^']*)'", found.group(1)) if found else []
    python = re.search(r"(?m)^requires-python\s*=\s*[\"'](.*?)[\"']", text)
    return [one or other for one, other in quoted], python.group(1) if python else ""


def python_suits(specifier: str, version: Tuple[int, ...]) -> bool:
    """Does a version of Python lie in a range like ``>=3.9,<4``?"""
    for part in filter(None, (part.strip() for part in specifier.split(","))):
        found = re.fullmatch(r"(>=|<=|==|!=|~=|>|<)\s*(\d+(?:\.\d+)*)(\.\*)?", part)
        if found is None:
            raise RequirementsError(f"it asks for Python {specifier!r}, which is no range")
        sign, number, _ = found.groups()
        wanted = tuple(map(int, number.split(".")))
        have = version[: len(wanted)]
        fits = {
            ">=": have >= wanted,
            "<=": have <= wanted,
            ">": have > wanted,
            "<": have < wanted,
            "==": have == wanted,
            "!=": have != wanted,
            "~=": have >= wanted and version[: len(wanted) - 1] == wanted[:-1],
        }[sign]
        if not fits:
            return False
    return True


def provide(path: str, say: Callable[..., None]) -> None:
    """Make what a script asks for importable. RequirementsError: that is impossible."""
    try:
        with open(path, encoding="utf-8") as file:
            content = block(file.read())
    except (OSError, UnicodeDecodeError):
        # The interpreter says it better when it loads the script.
        return
    if content is None:
        return
    wanted, python = parse(content)
    if not python_suits(python, sys.version_info[:3]):
        have = ".".join(map(str, sys.version_info[:3]))
        raise RequirementsError(
            f"it asks for Python {python}, but this is {have}; the option script_python chooses another"
        )
    wanted = [name for name in wanted if not re.match(rf"\s*({'|'.join(_OURS)})\b(?!-)", name)]
    if not wanted or shutil.which("uv") is None and all(map(_is_here, wanted)):
        return
    _enter(_installed(path, content, wanted, say))


def _is_here(wanted: str) -> bool:
    """Has the user installed such a package?"""
    found = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", wanted)
    try:
        return bool(found and importlib.metadata.version(found.group(1)))
    except importlib.metadata.PackageNotFoundError:
        return False


def _enter(folder: str) -> None:
    if folder not in sys.path:
        # Behind this package, before everything else.
        sys.path.insert(1, folder)


def _cache() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "midwire", "script-packages")


def _installed(path: str, content: str, wanted: List[str], say: Callable[..., None]) -> str:
    key = "\0".join((content, sys.executable, sys.version))
    folder = os.path.join(_cache(), hashlib.sha256(key.encode()).hexdigest()[:16])
    if os.path.isdir(folder):
        return folder
    uv = shutil.which("uv")
    if uv is None:
        raise RequirementsError(
            f"it asks for {', '.join(wanted)} by a dependency block, and uv is not there to"
            " install that: install uv, or these packages yourself"
        )
    say("Installing what %s asks for: %s", path, ", ".join(wanted))
    os.makedirs(_cache(), exist_ok=True)
    fresh = tempfile.mkdtemp(prefix="new-", dir=_cache())
    try:
        _run_uv(uv, path, fresh)
        try:
            os.rename(os.path.join(fresh, "packages"), folder)
        except OSError:
            # Another process was first; its folder has the same content.
            if not os.path.isdir(folder):
                raise
    except OSError as error:
        raise RequirementsError(f"cannot install what it asks for: {error}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _run_uv(uv: str, path: str, fresh: str) -> None:
    overrides = os.path.join(fresh, "overrides.txt")
    with open(overrides, "w", encoding="utf-8") as file:
        file.writelines(f"{name}; python_version < '3'\n" for name in _OURS)
    target = os.path.join(fresh, "packages")
    os.mkdir(target)
    command = [uv, "pip", "install", "--quiet", "--no-progress", "--python", sys.executable]
    command += ["--target", target, "--overrides", overrides, "--requirements", path]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RequirementsError(f"uv did not end within {_TIMEOUT} seconds") from None
    if done.returncode:
        words = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise RequirementsError(f"uv cannot install what it asks for: {words}")
