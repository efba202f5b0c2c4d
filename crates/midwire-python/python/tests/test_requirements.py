"""Dependency blocks of scripts."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile
from typing import Any, List, Tuple

import pytest
from midwire_host import requirements

BLOCK = """\
import os
# /// script
# requires-python = ">=3.9"
# dependencies = [
#   "mitmproxy>=10",
#   "{name} @ {url}",  # the wheel
# ]
# ///
"""


def wheel(folder: pathlib.Path, name: str) -> str:
    """The URL of a wheel with one module."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", "VALUE = 42\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path.as_uri()


@pytest.fixture
def script(tmp_path: pathlib.Path, monkeypatch: Any) -> pathlib.Path:
    """A script that asks for a package nobody has."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "script.py"
    path.write_text(BLOCK.format(name="midwiretestpackage", url=wheel(tmp_path, "midwiretestpackage")))
    return path


@pytest.mark.parametrize(
    "text, expected",
    [
        ("import os\n", None),
        ("# /// script\n# dependencies = []\n# ///\n", "dependencies = []\n"),
        ("# /// other\n# x = 1\n# ///\n", None),
        ("# /// script\n#\n# a = 1\n# ///\n", "\na = 1\n"),
        ("# /// script\nx = 1\n# ///\n", None),
    ],
)
def test_blocks_are_found(text: str, expected: Any) -> None:
    assert requirements.block(text) == expected


def test_two_blocks_are_refused() -> None:
    one = "# /// script\n# a = 1\n# ///\n"
    with pytest.raises(requirements.RequirementsError, match="more than one"):
        requirements.block(one + "\n" + one)


@pytest.mark.parametrize(
    "content, expected",
    [
        ("", ([], "")),
        ('dependencies = ["a", \'b>1\']\nrequires-python = ">=3.9"\n', (["a", "b>1"], ">=3.9")),
        ('dependencies = [\n  "a[x]",\n  # "no",\n  "b",\n]\n[tool.uv]\nx = ["c"]\n', (["a[x]", "b"], "")),
    ],
)
def test_blocks_are_read_with_and_without_toml(
    content: str, expected: Tuple[List[str], str]
) -> None:
    assert requirements.parse(content) == expected
    assert requirements._parse_simply(content) == expected


@pytest.mark.parametrize(
    "specifier, version, expected",
    [
        ("", (3, 9, 1), True),
        (">=3.9", (3, 9, 1), True),
        (">=3.10", (3, 9, 1), False),
        (">=3.9,<3.12", (3, 12, 0), False),
        ("==3.11.*", (3, 11, 4), True),
        ("!=3.11.*", (3, 11, 4), False),
        ("~=3.10", (3, 12, 0), True),
        ("~=3.10", (4, 0, 0), False),
        (">3.9", (3, 9, 1), False),
        ("<=3.9", (3, 9, 1), True),
    ],
)
def test_ranges_of_versions(specifier: str, version: Tuple[int, ...], expected: bool) -> None:
    assert requirements.python_suits(specifier, version) is expected


def test_another_python_is_asked_for(script: pathlib.Path) -> None:
    script.write_text('# /// script\n# requires-python = ">=4"\n# ///\n')
    with pytest.raises(requirements.RequirementsError, match="asks for Python >=4, but this is 3"):
        requirements.provide(str(script), print)


def test_without_uv_there_is_one_clear_line(script: pathlib.Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", os.path.dirname(str(script)))
    with pytest.raises(requirements.RequirementsError) as caught:
        requirements.provide(str(script), print)
    assert "midwiretestpackage" in str(caught.value) and "install uv" in str(caught.value)
    assert "\n" not in str(caught.value) and "mitmproxy>=10" not in str(caught.value)


def test_without_uv_what_is_installed_is_taken(script: pathlib.Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", "")
    script.write_text('# /// script\n# dependencies = ["pytest>=1"]\n# ///\n')
    requirements.provide(str(script), print)


def test_packages_that_come_with_the_host_are_not_installed(script: pathlib.Path) -> None:
    script.write_text('# /// script\n# dependencies = ["mitmproxy", "midwire>=1"]\n# ///\n')
    before = list(sys.path)
    requirements.provide(str(script), print)
    assert sys.path == before


@pytest.mark.skipif(not shutil.which("uv"), reason="UV NOT CHECKED: uv is not installed")
def test_uv_installs_what_a_script_asks_for(script: pathlib.Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    said: List[str] = []
    requirements.provide(str(script), lambda text, *args: said.append(text % args))
    assert len(said) == 1 and "midwiretestpackage" in said[0]
    code = "import midwiretestpackage; print(midwiretestpackage.VALUE)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": sys.path[1]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "42\n"
    assert not os.path.exists(os.path.join(sys.path[1], "mitmproxy"))
    # The second time nothing is installed.
    monkeypatch.setenv("PATH", "")
    requirements.provide(str(script), lambda text, *args: said.append(text % args))
    assert len(said) == 1


@pytest.mark.skipif(not shutil.which("uv"), reason="UV NOT CHECKED: uv is not installed")
def test_what_uv_cannot_install_is_one_line(script: pathlib.Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    script.write_text('# /// script\n# dependencies = ["nosuchpackage-of-midwire==77"]\n# ///\n')
    with pytest.raises(requirements.RequirementsError, match="uv cannot install") as caught:
        requirements.provide(str(script), print)
    assert "\n" not in str(caught.value)
