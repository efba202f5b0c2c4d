"""The exceptions that scripts raise and catch."""

from typing import Any, Optional


class MitmproxyException(Exception):
    """The base of the exceptions here."""

    def __init__(self, message: Optional[Any] = None) -> None:
        super().__init__(message)


class FlowReadException(MitmproxyException):
    """A flow file cannot be read."""


class ControlException(MitmproxyException):
    """An action is impossible in the present state, like killing a finished flow."""


class CommandError(Exception):
    """A command failed; the text is shown to the user."""


class OptionsError(MitmproxyException):
    """A value of an option is not acceptable; raise it in ``configure`` to refuse one."""


class AddonManagerError(MitmproxyException):
    """An addon cannot be added, removed or called."""


class AddonHalt(MitmproxyException):
    """Raise it in a hook to keep the event from all later addons."""


class TypeError(MitmproxyException):
    """A value has the wrong type. The built-in exception of this name is another one."""


class NotAvailable(MitmproxyException, NotImplementedError):
    """Something of mitmproxy that needs the proxy inside of this Python process."""
