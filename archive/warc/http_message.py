"""Taking an HTTP/1.x response apart: head, payload, surplus (RFC 9112), in one pass and constant memory.

The payload is the body without chunk framing, its content coding kept. Where chunk framing is none the payload ends
and `problem` says why. This is the verifier's reading of a recorded response, written apart from the fetcher's
(`capture.http1`); a test holds the two against each other, since they must never come to different payloads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

HEAD_LIMIT: Final = 1 << 20
"""The most bytes of a header, or of all trailer lines."""
LINE_LIMIT: Final = 16 << 10
"""The most bytes of a chunk-size line with its extensions and its end."""

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(r"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t](.*))?")
# RFC 9112 §7.1: chunk-size [ chunk-ext ]; white space around the size is what senders do produce.
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_PLAIN_STATUS = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}( [^\x00-\x1f]*)?")
_PLAIN_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f]*")


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """Status line and header of a response."""

    version: str
    """`1.0` or `1.1`."""
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    """Names as sent, values stripped, in order, repeated ones kept; bytes decoded as ISO-8859-1."""
    size: int
    """Bytes up to and including the empty line; interim (1xx) responses before it are counted."""

    def members(self, name: str) -> list[str]:
        """The comma-separated members of all headers `name`, in lower case."""
        joined = ",".join(value for key, value in self.headers if key.lower() == name).lower()
        return [member.strip() for member in joined.split(",") if member.strip()]

    @property
    def media_type(self) -> str | None:
        """Type and subtype of Content-Type without parameters, as sent; None if it states none."""
        stated = next((value for key, value in self.headers if key.lower() == "content-type"), "")
        return re.split(r"[;\s]", stated, maxsplit=1)[0] or None


class _State(Enum):
    HEAD = auto()
    UNTIL_END = auto()
    COUNTED = auto()
    CHUNK_SIZE = auto()
    CHUNK_DATA = auto()
    CHUNK_END = auto()
    TRAILER = auto()
    DONE = auto()
    BROKEN = auto()


class ResponseParser:
    """Takes a response in pieces of any size and gives its payload in pieces.

    Feed all bytes, then call `finish`. `head` is None until the head was seen; `surplus` counts what came after the
    end of the body; `problem` says in words why the payload is not whole, or is None.
    """

    def __init__(self, method: str = "GET") -> None:
        self.head: ResponseHead | None = None
        self.surplus = 0
        self.problem: str | None = None
        self._bodiless = method == "HEAD"
        self._state = _State.HEAD
        self._left = 0
        self._interim = 0
        self._trailer_size = 0
        self._waiting = b""

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """Take in the next bytes; yield the payload bytes among them. Must be iterated to the end."""
        if self._waiting:
            data = self._waiting + data
            self._waiting = b""
        view = memoryview(data)
        at = 0
        while at < len(data):
            match self._state:
                case _State.UNTIL_END:
                    yield view[at:]
                    return
                case _State.COUNTED | _State.CHUNK_DATA:
                    piece = view[at : at + self._left]
                    at += len(piece)
                    self._left -= len(piece)
                    if not self._left:
                        self._state = _State.DONE if self._state is _State.COUNTED else _State.CHUNK_END
                    yield piece
                case _State.DONE:
                    self.surplus += len(data) - at
                    return
                case _State.BROKEN:
                    return
                case _:
                    after = self._take_line(data, at)
                    if after is None:
                        self._waiting = data[at:]
                        return
                    at = after

    def finish(self) -> None:
        """Say that no more bytes follow; sets `problem` if the response ends before its body does."""
        if self._state is _State.HEAD:
            self._break("no whole HTTP header")
        elif self._state not in (_State.UNTIL_END, _State.DONE, _State.BROKEN):
            self._break("ends within the body")

    def _break(self, problem: str) -> None:
        self.problem = problem
        self._state = _State.BROKEN

    def _take_line(self, data: bytes, at: int) -> int | None:
        """Handle one head, size line or trailer line at `at`; the place after it, or None if more bytes are needed."""
        if self._state is _State.HEAD:
            return self._take_head(data, at)
        # RFC 9112 §2.2: a line may end in LF alone.
        end = data.find(b"\n", at)
        size = (end + 1 if end >= 0 else len(data)) - at
        if size > (HEAD_LIMIT if self._state is _State.TRAILER else LINE_LIMIT):
            self._break("line in the chunk framing too long")
            return len(data)
        if end < 0:
            return None
        self._end_line(data[at:end].removesuffix(b"\r"))
        return end + 1

    def _end_line(self, line: bytes) -> None:
        if self._state is _State.CHUNK_SIZE:
            self._chunk_size(line)
        elif self._state is _State.CHUNK_END:
            if line:
                self._break("chunk longer than its size")
            else:
                self._state = _State.CHUNK_SIZE
        elif not line:
            self._state = _State.DONE
        else:
            self._trailer_size += len(line)
            if self._trailer_size > HEAD_LIMIT:
                self._break("trailer too long")

    def _chunk_size(self, line: bytes) -> None:
        found = _CHUNK_SIZE.fullmatch(line)
        if found is None:
            self._break("chunk size is not hexadecimal")
            return
        self._left = int(found[1], 16)
        self._state = _State.CHUNK_DATA if self._left else _State.TRAILER

    def _take_head(self, data: bytes, at: int) -> int | None:
        found = _HEAD_END.search(data, at)
        if found is None:
            if len(data) - at > HEAD_LIMIT:
                self._break("HTTP header too long")
                return len(data)
            return None
        head = parse_head(data[at : found.end()], interim=self._interim)
        if head is None:
            self._break("not an HTTP/1.x status line")
            return len(data)
        # RFC 9110 §15.2: interim responses precede the final one; 101 ends HTTP on the connection.
        if 100 <= head.status < 200 and head.status != 101:
            self._interim = head.size
        else:
            self.head = head
            self._choose_framing(head)
        return found.end()

    def _choose_framing(self, head: ResponseHead) -> None:
        """RFC 9112 §6.3, in its order."""
        codings = head.members("transfer-encoding")
        lengths = set(head.members("content-length"))
        length = lengths.pop() if len(lengths) == 1 else ""
        if self._bodiless or head.status in (101, 204, 304):
            self._state = _State.DONE
        elif codings:
            self._state = _State.CHUNK_SIZE if codings[-1] == "chunked" else _State.UNTIL_END
        elif re.fullmatch(r"[0-9]{1,18}", length):
            self._left = int(length)
            self._state = _State.COUNTED if self._left else _State.DONE
        else:
            # Lengths that contradict each other say nothing; then only the end of the connection ends the body.
            self._state = _State.UNTIL_END


def parse_head(head: bytes, *, interim: int = 0) -> ResponseHead | None:
    """Parse status line and header; None if the first line is no status line of HTTP/1.x.

    Lines end with LF, a CR before it is dropped. A line that starts with white space continues the one before
    (RFC 9112 §5.2); a line without a colon is no field and left out. `interim` is added to the size.
    """
    lines = [line.removesuffix("\r") for line in head.decode("latin-1").split("\n")]
    found = _STATUS_LINE.fullmatch(lines[0])
    if found is None:
        return None
    fields: list[tuple[str, list[str]]] = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and fields:
            fields[-1][1].append(line.strip())
        elif ":" in line:
            name, _, value = line.partition(":")
            fields.append((name.strip(), [value.strip()]))
    headers = tuple((name, " ".join(part for part in parts if part)) for name, parts in fields)
    version = "1.0" if found[1] == "0" else "1.1"
    return ResponseHead(version, int(found[2]), (found[3] or "").strip(" \t"), headers, len(head) + interim)


def is_plain_head(head: bytes) -> bool:
    """Whether every stock tool sees this response head, and nothing else, end where we see it end.

    True only for CRLF lines, one field each, no continuation, no blank line but the last, no interim response.
    """
    if not head.endswith(b"\r\n\r\n"):
        return False
    lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return _PLAIN_STATUS.fullmatch(lines[0]) is not None and all(_PLAIN_FIELD.fullmatch(line) for line in lines[1:])
