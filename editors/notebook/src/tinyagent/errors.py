"""What can go wrong, as Python exceptions.

Every error of the daemon has a kind, a code and often a hint that says what to do next. Each kind is a class
here, so callers catch what they can deal with; `str()` of an error shows the hint too.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Type


class TinycodeError(Exception):
    """The base of all errors of this package.

    Attributes:
        message: what is wrong.
        hint: what to do next, or None.
        kind: the kind of error, as in the protocol.
        code: the JSON-RPC error code, or None where the error did not come from the daemon.
    """

    kind: str = "error"
    code: Optional[int] = None

    def __init__(
        self,
        message: str = "",
        *,
        hint: Optional[str] = None,
        kind: Optional[str] = None,
        code: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if kind is not None:
            self.kind = kind
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        if self.hint:
            return f"{self.message}\nHint: {self.hint}"
        return self.message


class SessionNotFound(TinycodeError, LookupError):
    """There is no such session, or it has been closed."""

    kind, code = "session_not_found", -31001


class SessionBusy(TinycodeError):
    """Too many requests wait on the session."""

    kind, code = "session_busy", -31003


class LimitExceeded(TinycodeError):
    """A limit of the daemon was reached."""

    kind, code = "limit_exceeded", -31004


class ToolError(TinycodeError):
    """A tool cannot be registered or answered."""

    kind, code = "tool_error", -31005


class ModelError(TinycodeError):
    """The model did not answer."""

    kind, code = "model_error", -31006


class TrustLevelUnavailable(TinycodeError):
    """The trust level does not work on this machine."""

    kind, code = "trust_level_unavailable", -31007


class StepLimitReached(TinycodeError):
    """The run used up its steps without an answer. `result` is the `RunResult`, where there is one."""

    kind, code = "step_limit_reached", -31008
    result: Any = None


class Unauthorized(TinycodeError):
    """The token is missing or wrong."""

    kind, code = "unauthorized", -31009


class Cancelled(TinycodeError):
    """The request was cancelled, or what it ran was interrupted."""

    kind, code = "cancelled", -32800


class InvalidParams(TinycodeError, ValueError):
    """A parameter is unknown, of the wrong type or out of range."""

    kind, code = "invalid_params", -32602


class InvalidRequest(TinycodeError):
    """The request cannot be served now."""

    kind, code = "invalid_request", -32600


class MethodNotFound(TinycodeError):
    """The daemon has no such method; it may be older than this package."""

    kind, code = "method_not_found", -32601


class InternalError(TinycodeError):
    """A defect of the daemon."""

    kind, code = "internal", -32603


class ToolDefinitionError(TinycodeError, TypeError):
    """A function cannot be a tool as it is written."""

    kind = "tool_definition"


class DaemonNotFound(TinycodeError):
    """The daemon's binary cannot be found or started, or nothing serves the socket."""

    kind = "daemon_not_found"


class DaemonDied(TinycodeError, ConnectionError):
    """The daemon ended, or the connection to it did, while it was needed."""

    kind = "daemon_died"


class ClientClosed(TinycodeError):
    """The client, or the agent, has been closed."""

    kind = "client_closed"


class CallTimeout(TinycodeError, TimeoutError):
    """The answer took longer than the caller wanted to wait; the request was cancelled."""

    kind = "timeout"


class ExecutionError(TinycodeError):
    """Code that had to succeed did not. `result` is its `ExecResult`."""

    kind = "execution_error"
    result: Any = None


_BY_KIND: Dict[str, Type[TinycodeError]] = {
    cls.kind: cls
    for cls in (
        SessionNotFound,
        SessionBusy,
        LimitExceeded,
        ToolError,
        ModelError,
        TrustLevelUnavailable,
        StepLimitReached,
        Unauthorized,
        Cancelled,
        InvalidParams,
        InvalidRequest,
        MethodNotFound,
        InternalError,
    )
}
_BY_CODE: Dict[Optional[int], Type[TinycodeError]] = {cls.code: cls for cls in _BY_KIND.values()}


def error_of_kind(kind: str, message: str, hint: Optional[str] = None, code: Optional[int] = None) -> TinycodeError:
    """The exception for a kind of error, as the protocol names it."""
    cls = _BY_KIND.get(kind) or _BY_CODE.get(code) or TinycodeError
    return cls(message, hint=hint, kind=kind, code=code)


def error_of_wire(error: Mapping[str, Any]) -> TinycodeError:
    """The exception for a JSON-RPC error object."""
    data = error.get("data")
    data = data if isinstance(data, dict) else {}
    code = error.get("code")
    cls = _BY_CODE.get(code, TinycodeError)
    kind = str(data.get("kind") or cls.kind)
    return error_of_kind(kind, str(error.get("message", "")), data.get("hint"), code)
