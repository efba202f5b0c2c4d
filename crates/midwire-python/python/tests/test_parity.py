"""The same table here and in the original program, if that is installed.

The original is found by the environment variable MIDWIRE_REAL_MITMPROXY (the path of an
interpreter that has it), else in the interpreter that runs the tests."""

import json
import os
import pathlib
import subprocess
import sys
from typing import Dict, List, Tuple

import parity_table
import pytest

HERE = pathlib.Path(__file__).resolve().parent

# Rows where this package does better on purpose, or says the same in other words.
DIFFERENT = {
    "head(call(tutils.treq(headers=Headers(accept_encoding='gzip, compress, br;q=1')),"
    " 'constrain_encoding'))": "the order of the original changes from run to run",
}


def real_interpreter() -> str:
    """The interpreter that has the original program; empty: there is none."""
    candidate = os.environ.get("MIDWIRE_REAL_MITMPROXY", sys.executable)
    probe = subprocess.run(
        [
            candidate,
            "-c",
            "import mitmproxy.version, cryptography; print(mitmproxy.version.VERSION)",
        ],
        cwd=os.path.sep,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    return candidate if probe.stdout.startswith("12.2") else ""


def results(interpreter: str, path: str) -> List[Tuple[str, str]]:
    """What the table gives in an interpreter."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    if path:
        env["PYTHONPATH"] = path
    done = subprocess.run(
        [interpreter, str(HERE / "parity_table.py")],
        cwd=os.path.sep,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]  # type: ignore[misc]


def test_every_row_runs_here() -> None:
    """The table itself is sound: a wrong name in a row would agree by accident."""
    for row in parity_table.ROWS:
        outcome = parity_table.evaluate(row)
        assert outcome not in ("raises NameError", "raises SyntaxError"), row


def test_same_results_as_the_original() -> None:
    real = real_interpreter()
    if not real:
        pytest.skip(
            "PARITY NOT CHECKED: mitmproxy 12.2 is not installed; set MIDWIRE_REAL_MITMPROXY"
        )
    theirs: Dict[str, str] = dict(results(real, ""))
    ours = results(real, str(HERE.parent))
    wrong = [
        f"{row}\n    original: {theirs[row][:600]}\n    here:     {outcome[:600]}"
        for row, outcome in ours
        if theirs[row] != outcome and row not in DIFFERENT
    ]
    assert not wrong, f"{len(wrong)} of {len(ours)} rows differ:\n" + "\n".join(wrong)
