"""Reading an HTTP/1 response out of the bytes of a connection (RFC 9112). Pure: bytes in, facts and payload out.

`http.client` does not serve here: a space before a colon makes it lose the rest of the header, it swallows 1xx
responses, and it reads ahead of the end of a body, so that it cannot say which bytes were surplus. This reader takes
what servers really send, and says of each byte whether it belongs to header, framing, payload or surplus.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from sijill.archive.errors import ArchiveError

_STATUS_LINE = re.compile(rb"HTTP/1\.([0-9])[ \t]+([1-9][0-9]{2})(?:[ \t](.*))?")
_HEAD_END = re.compile(rb"\n\r?\n")
_BEGINNING = b"HTTP/1."
# RFC 9112 §7.1: chunk-size [ chunk-ext ]; white space around the size is what some servers send (§7.1.1, BWS).
_CHUNK_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_CHUNK_LINE_BYTES = 16 << 10
_LENGTH = re.compile(r"[0-9]{1,18}")


class MalformedResponse(ArchiveError):
    """What came is not HTTP/1."""


class HeaderTooLarge(ArchiveError):
    """The header, or the trailer, or all 1xx responses together, are larger than the limit."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and header of a response."""

    size: int
    """Bytes up to and including the empty line."""
    http_version: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """The comma-separated members of all fields `name`, stripped and in lower case."""
        joined = ",".join(value for key, value in self.headers if key.lower() == name)
        return [member.strip().lower() for member in joined.split(",") if member.strip()]


class _State(Enum):
    HEAD = auto()
    COUNTED = auto()
    CHUNK_LINE = auto()
    CHUNK = auto()
    CHUNK_END = auto()
    TRAILER = auto()
    UNTIL_CLOSE = auto()
    DONE = auto()


class ResponseReader:
    """Takes the bytes of one response as they come.

    Args:
        method: of the request; a response to HEAD has no body.
        header_limit: most bytes of the header, 1xx responses included, and of the trailer.
        payload: is given the de-chunked body, piece by piece.
    """

    def __init__(self, method: str, *, header_limit: int, payload: Callable[[memoryview], object]) -> None:
        self._method = method
        self._header_limit = header_limit
        self._payload = payload
        self._state = _State.HEAD
        self._line = bytearray()
        self._left = 0
        self._trailer = 0
        self.interim = b""
        """1xx responses that came first, exactly as received."""
        self.head: Head | None = None
        """Set once the whole header of the final response is there."""

    @property
    def complete(self) -> bool:
        """Whether the framing says that the response ended."""
        return self._state is _State.DONE

    @property
    def until_close(self) -> bool:
        """Whether only the end of the connection ends the body."""
        return self._state is _State.UNTIL_CLOSE

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another request (RFC 9112 §9.3)."""
        if self.head is None or not self.complete or self.head.status == 101:
            return False
        options = self.head.values("connection")
        return "close" not in options and (self.head.http_version == "1.1" or "keep-alive" in options)

    def feed(self, data: bytes) -> int:
        """Take in `data` and return how many of its bytes belong to 1xx responses and this one; the rest is surplus.

        Raises:
            HeaderTooLarge: a header or trailer passes the limit.
            MalformedResponse: it is not HTTP/1, or its chunks are not chunks. What was given to `payload` stands.
        """
        view = memoryview(data)
        while view and self._state is not _State.DONE:
            view = view[self._step(view) :]
        return len(data) - len(view)

    def _step(self, view: memoryview) -> int:
        match self._state:
            case _State.HEAD:
                return self._read_head(view)
            case _State.COUNTED | _State.CHUNK:
                return self._read_counted(view)
            case _State.UNTIL_CLOSE:
                self._payload(view)
                return len(view)
            case _:
                return self._read_line(view)

    def _read_head(self, view: memoryview) -> int:
        before = len(self._line)
        self._line += view
        if not self._line.startswith(_BEGINNING[: len(self._line)]):
            raise MalformedResponse(f"it begins with {bytes(self._line[:60])!r}")
        end = _HEAD_END.search(self._line, max(0, before - 2))
        size = end.end() if end else len(self._line)
        if len(self.interim) + size > self._header_limit:
            raise HeaderTooLarge(f"the header is larger than {self._header_limit} bytes")
        if end is None:
            return len(view)
        raw = bytes(self._line[:size])
        self._line = bytearray()
        head = parse_head(raw)
        # RFC 9110 §15.2: 1xx responses precede the final one. 101 is none of them here: no request asks to upgrade.
        if 100 <= head.status < 200 and head.status != 101:
            self.interim += raw
        else:
            self.head = head
            self._start_body(head)
        return size - before

    def _start_body(self, head: Head) -> None:
        """RFC 9112 §6.3."""
        coding = head.values("transfer-encoding")
        if self._method == "HEAD" or head.status in {101, 204, 304}:
            self._state = _State.DONE
        elif coding:
            self._state = _State.CHUNK_LINE if coding[-1] == "chunked" else _State.UNTIL_CLOSE
        else:
            lengths = set(head.values("content-length"))
            length = lengths.pop() if len(lengths) == 1 else ""
            if _LENGTH.fullmatch(length):
                self._left = int(length)
                self._state = _State.COUNTED if self._left else _State.DONE
            else:  # no length, or lengths that contradict each other: only the end of the connection can be believed
                self._state = _State.UNTIL_CLOSE

    def _read_counted(self, view: memoryview) -> int:
        taken = view[: self._left]
        self._payload(taken)
        self._left -= len(taken)
        if not self._left:
            self._state = _State.DONE if self._state is _State.COUNTED else _State.CHUNK_END
        return len(taken)

    def _read_line(self, view: memoryview) -> int:
        """Chunk size, end of a chunk, or trailer: all of them lines."""
        limit = self._header_limit if self._state is _State.TRAILER else _CHUNK_LINE_BYTES
        piece = bytes(view[: limit + 2])
        newline = piece.find(b"\n")
        taken = newline + 1 if newline >= 0 else len(piece)
        self._line += piece[:taken]
        if self._state is _State.TRAILER:
            self._trailer += taken
            if self._trailer > self._header_limit:
                raise HeaderTooLarge(f"the trailer is larger than {self._header_limit} bytes")
        elif len(self._line) > limit:
            raise MalformedResponse("a chunk has no end of line after its size")
        if newline >= 0:
            line = bytes(self._line[:-1]).removesuffix(b"\r")
            self._line = bytearray()
            self._end_line(line)
        return taken

    def _end_line(self, line: bytes) -> None:
        if self._state is _State.CHUNK_LINE:
            size = _CHUNK_LINE.fullmatch(line)
            if size is None:
                raise MalformedResponse(f"{line[:60]!r} is not the size of a chunk")
            self._left = int(size[1], 16)
            self._state = _State.CHUNK if self._left else _State.TRAILER
        elif self._state is _State.CHUNK_END:
            if line:
                raise MalformedResponse(f"a chunk is followed by {line[:60]!r}")
            self._state = _State.CHUNK_LINE
        elif not line:
            self._state = _State.DONE


def parse_head(raw: bytes) -> Head:
    """Parse a status line and header that end in an empty line.

    Lines may end in LF alone (RFC 9112 §2.2); white space before a colon is dropped and folded lines are joined
    (§5.1, §5.2); lines without a colon are passed over: they stay in the recorded bytes.

    Raises:
        MalformedResponse: the first line is not a status line of HTTP/1.
    """
    lines = [line.removesuffix(b"\r") for line in raw.split(b"\n")]
    status = _STATUS_LINE.fullmatch(lines[0])
    if status is None:
        raise MalformedResponse(f"it begins with {lines[0][:60]!r}")
    fields: list[tuple[str, list[str]]] = []
    for line in lines[1:]:
        text = line.decode("iso-8859-1")
        if text[:1] in {" ", "\t"} and fields:
            fields[-1][1].append(text.strip())
        elif ":" in text:
            name, _, value = text.partition(":")
            fields.append((name.strip(), [value.strip()]))
    headers = tuple((name, " ".join(part for part in parts if part)) for name, parts in fields)
    version = "1.0" if status[1] == b"0" else "1.1"
    reason = (status[3] or b"").strip(b" \t").decode("iso-8859-1")
    return Head(len(raw), version, int(status[2]), reason, headers)
