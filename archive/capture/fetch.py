"""Fetching: one request, one exchange, whatever comes of it. The only module that imports requests.

`requests` prepares requests and keeps cookies; the bytes go over our own transport adapter, which records them. Its
HTTPAdapter does not serve: urllib3 rewrites URLs, and `http.client` beneath it reads responses as `http1` explains.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from email.message import Message
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Self

import requests
from requests.adapters import BaseAdapter

from sijill.archive.capture.connection import Bounds, ByteBudget, Recording, failure
from sijill.archive.capture.exchange import (
    Exchange,
    FailureKind,
    Limits,
    Network,
    Original,
    Purpose,
    Response,
    Revisit,
    RevisitKind,
)
from sijill.archive.capture.guard import Resolver, system_resolver
from sijill.archive.capture.pool import ConnectionPool
from sijill.archive.capture.target import RequestUrl, parse_target, resolve
from sijill.archive.errors import BadTarget

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What belongs to the connection, or is derived from URL and body, is not for callers to set (RFC 9110 §7.6.1).
_OURS = frozenset(
    {"host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
     "content-length", "expect"}
)  # fmt: skip
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class _Request(requests.PreparedRequest):
    """A prepared request that keeps the URL as derived; `requests` would write some of them anew."""

    def __init__(self, target: RequestUrl, bounds: Bounds) -> None:
        super().__init__()
        self.target = target
        self.bounds = bounds
        self.url = str(target)

    def wire_bytes(self) -> bytes:
        """Request line, header and body as they go onto the connection."""
        fields = [("Host", self.target.authority), *self.headers.items()]
        head = f"{self.method} {self.target.path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields) + "\r\n"
        body = self.body or b""
        return head.encode("iso-8859-1") + (body.encode() if isinstance(body, str) else body)


class _RecordedResponse(requests.Response):
    """What `requests` is given of an exchange: enough for its session; all of it is in `recording`."""

    def __init__(self, request: _Request, recording: Recording) -> None:
        super().__init__()
        self.request = request
        self.url = str(request.target)
        self.recording = recording
        self.sets_cookies = False
        if recording.response is not None:
            self.status_code = recording.response.status
            # The session takes cookies from where it finds them in responses of urllib3.
            cookies = Message()
            for name, value in recording.response.headers:
                if name.lower() == "set-cookie" and not _CONTROL.search(value):
                    cookies["Set-Cookie"] = value
                    self.sets_cookies = True
            self.raw = SimpleNamespace(_original_response=SimpleNamespace(msg=cookies))


class RecordingAdapter(BaseAdapter):
    """A transport adapter for `requests` that records; environment, proxies and netrc have no say in it."""

    def __init__(self, pool: ConnectionPool) -> None:
        super().__init__()
        self._pool = pool

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> _RecordedResponse:
        """Make the exchange; troubles of the network are in the recording of what comes back.

        Only the first argument counts: bounds come with the request, trust and addresses with the pool.
        """
        if not isinstance(request, _Request):
            raise TypeError("only requests made by Fetcher can be recorded")
        wire = request.wire_bytes()
        recording = self._pool.exchange(request.target, request.method or "GET", wire, request.bounds)
        return _RecordedResponse(request, recording)

    def close(self) -> None:
        """Close all connections; whoever waits for one is released."""
        self._pool.close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: each hop is an exchange of its own, made by whoever captures."""
        return None


class Fetcher:
    """Fetches the parts of one capture, within its limits and with its own cookies; safe to share between threads.

    Time starts to count when it is made. Leaving the context closes every connection, those that another thread is
    waiting for included.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        network: Network,
        user_agent: str,
        workdir: Path,
        clock: Callable[[], datetime],
        resolver: Resolver = system_resolver,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._deadline = time.monotonic() + limits.capture_seconds
        self._budget = ByteBudget(limits.capture_bytes)
        self._closed = False
        self._adapter = RecordingAdapter(ConnectionPool(network, resolver, workdir, clock))
        self._session = _Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.headers.update(
            {"User-Agent": user_agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate", "Connection": "keep-alive"}
        )
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; a fetch that is under way in another thread ends at once."""
        self._closed = True
        self._session.close()

    def fetch(
        self,
        url: str,
        *,
        purpose: Purpose,
        via: str | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Exchange:
        """Make one request and return what came of it; a redirect is named in `redirect_to` and not followed.

        Nothing that a network or a server does is raised: it is the exchange's `failure`. The number is 0 until the
        capture gives it its place.

        Args:
            url: where to; what is not an http(s) URL gives a failure too.
            purpose: why.
            via: the URL whose content led here.
            method: any token; sent as given.
            headers: beside, or instead of, User-Agent, Accept, Accept-Encoding; those of the connection are ignored.
            body: sent with its length, if not None.

        Raises:
            ValueError: method or headers cannot be written in a request.
            OSError: the response cannot be written to the working directory.
            UnusableTrustAnchors: the file of the trust anchors cannot be read.
        """
        started = self._clock()
        try:
            target = parse_target(url)
        except BadTarget as err:
            recording = Recording(failure=failure(FailureKind.REFUSED_URL, err.reason))
            return self._exchange(url, method, purpose, via, started, recording)
        if spent := self.spent():
            recording = Recording(failure=failure(FailureKind.CAPTURE_LIMIT, spent))
        else:
            recording = self._send(self._prepare(target, method, headers or {}, body))
        return self._exchange(str(target), method, purpose, via, started, recording)

    def not_fetched(self, url: str, *, purpose: Purpose, via: str | None, kind: FailureKind, detail: str) -> Exchange:
        """The exchange that stands for a request that was not made, and why."""
        now = self._clock()
        return self._exchange(url, "GET", purpose, via, now, Recording(failure=failure(kind, detail)))

    def reused(self, url: str, *, purpose: Purpose, via: str | None, original: Original) -> Exchange:
        """The exchange that stands for a request that was not made because its response is known."""
        now = self._clock()
        exchange = self._exchange(url, "GET", purpose, via, now, Recording())
        return replace(exchange, ended=now, revisit=Revisit(RevisitKind.REUSED, original))

    @property
    def deadline(self) -> float:
        """Until when an exchange that begins now may last, by `time.monotonic`."""
        return min(time.monotonic() + self._limits.exchange_seconds, self._deadline)

    @property
    def closed(self) -> bool:
        """Whether the capture was called off, or is over."""
        return self._closed

    def spent(self) -> str | None:
        """Which limit of the whole capture has been reached, if one has."""
        if self._budget.spent:
            return f"the capture's limit of {self._limits.capture_bytes} bytes was reached"
        if time.monotonic() >= self._deadline:
            return f"the capture's limit of {self._limits.capture_seconds:g} seconds was reached"
        return None

    def _prepare(self, target: RequestUrl, method: str, headers: Mapping[str, str], body: bytes | None) -> _Request:
        if not _TOKEN.fullmatch(method):
            raise ValueError(f"{method[:40]!r} is not a request method")
        bounds = Bounds(
            deadline=self.deadline,
            response_bytes=self._limits.exchange_bytes,
            header_bytes=self._limits.header_bytes,
            budget=self._budget,
        )
        request = _Request(target, bounds)
        request.method = method
        fields = requests.structures.CaseInsensitiveDict(self._session.headers)
        fields.update({name: value for name, value in headers.items() if name.lower() not in _OURS})
        request.prepare_headers(fields)
        if self._session.cookies:
            request.prepare_cookies(self._session.cookies)
        request.prepare_body(body, None)
        return request

    def _send(self, request: _Request) -> Recording:
        # Not by the session's own `send`: it prepares for redirects and hooks, for longer than the request takes.
        answer = self._adapter.send(request)
        if answer.sets_cookies:
            # The types of `requests` leave this function out.
            requests.cookies.extract_cookies_to_jar(self._session.cookies, request, answer.raw)  # type: ignore[no-untyped-call]
        return answer.recording

    def _exchange(
        self, url: str, method: str, purpose: Purpose, via: str | None, started: datetime, recording: Recording
    ) -> Exchange:
        return Exchange(
            number=0,
            url=url,
            method=method,
            purpose=purpose,
            via=via,
            started=started,
            ended=self._clock(),
            request=recording.request,
            response=recording.response,
            failure=recording.failure,
            server=recording.server,
            tls=recording.tls,
            redirect_to=_redirect_target(url, recording.response),
        )


def _redirect_target(url: str, response: Response | None) -> str | None:
    """Where a response leads by status and Location (RFC 9110 §15.4); as written if it is no URL to fetch."""
    location = response.header("location") if response and response.status in _REDIRECTS else None
    if not location:
        return None
    # Servers write other characters than ASCII as UTF-8, which is what browsers take them for.
    octets = location.encode("iso-8859-1")
    text = octets.decode("utf-8", errors="replace")
    try:
        return str(resolve(url, text))
    except BadTarget:
        return text
