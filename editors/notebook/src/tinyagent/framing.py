"""JSON-RPC messages to bytes and back: the base framing of the Language Server Protocol.

Reads from a function rather than a file object: the locks of Python's buffered files may be held by a
thread that is gone after a fork.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping, Optional

from .errors import InvalidParams, LimitExceeded

#: The longest message that the daemon takes, in bytes.
MAX_MESSAGE = 64 << 20
_CHUNK = 1 << 18


def encode(message: Mapping[str, Any]) -> bytes:
    """The bytes of a message.

    Raises:
        InvalidParams: it holds something that JSON cannot say.
        LimitExceeded: it is longer than the daemon takes.
    """
    # The daemon could not tell whose message it was that it cannot read, and the caller would wait for
    # ever: so what it would refuse is refused here.
    try:
        text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        body = text.encode()
    except UnicodeEncodeError as error:
        raise InvalidParams(f"text that is not valid Unicode cannot be sent: {error}") from None
    except (TypeError, ValueError, RecursionError) as error:
        hint = "give numbers, strings, booleans, None, lists and dicts of them; no nan or inf"
        raise InvalidParams(f"JSON cannot say this: {error}", hint=hint) from None
    if len(body) > MAX_MESSAGE:
        raise LimitExceeded(
            f"a message of {len(body)} bytes is too long; the daemon takes {MAX_MESSAGE}",
            hint="hand over a file's path instead of its content",
        )
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


class FrameReader:
    """Cuts messages out of a stream of bytes."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._buffer = bytearray()

    def next(self) -> Optional[Any]:
        """The next message, or None when the stream has ended.

        Raises:
            ValueError: what came is no message.
        """
        length = self._headers()
        if length is None:
            return None
        body = self._take(length)
        return None if body is None else json.loads(body)

    def _headers(self) -> Optional[int]:
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end >= 0:
                break
            if not self._fill():
                return None
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                return int(value)
        raise ValueError(f"a message without Content-Length: {head[:200]!r}")

    def _take(self, length: int) -> Optional[bytes]:
        while len(self._buffer) < length:
            if not self._fill():
                return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _fill(self) -> bool:
        chunk = self._receive(_CHUNK)
        self._buffer += chunk
        return bool(chunk)
