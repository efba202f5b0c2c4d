"""What programs that embed mitmproxy get told."""

from typing import Any

from mitmproxy import exceptions


def refuse(what: str) -> Any:
    """Raise the error for ``what``."""
    raise exceptions.NotAvailable(
        f"{what} is not available: midwire cannot be embedded into a Python program. Put the "
        "addons into a script and start `midwire dump -s SCRIPT` (from Python: with the "
        "module subprocess)."
    )
