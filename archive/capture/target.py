"""URL rules: which targets can be captured, and the request URL that is derived from a target. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote, urljoin, urlsplit

from sijill.archive.errors import BadTarget

LONGEST = 8192
"""Characters of a target, and of the request URL derived from it."""

_PORTS = {"http": 80, "https": 443}
# WHATWG URL §1.3: what path and query leave as it is. RFC 3986 would encode more ("[" and "|", say), but then a
# browser that replays the page would ask for another URL than the one recorded.
_PATH = "!$%&'()*+,-./:;=@[]_|~"
_QUERY = "!$%&()*+,-./:;=?@[\\]^_`{|}~"
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_DIGITS = re.compile(r"[0-9]{1,5}")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*)(?::(?P<port>[^:]*))?")


@dataclass(frozen=True, slots=True)
class RequestUrl:
    """A URL as a request is made from it: ASCII, host in A-labels, no fragment, no default port."""

    scheme: str
    """`http` or `https`."""
    host: str
    """A-labels in lower case, or an IP address as text, without brackets."""
    port: int
    path: str
    """What stands in the request line: path and query, percent-encoded, beginning with `/`."""

    @property
    def authority(self) -> str:
        """The value of the Host field: host, in brackets if IPv6, and the port unless it is the default one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, as RFC 6454 §6.2 writes them."""
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        """The whole URL."""
        return self.origin + self.path


@lru_cache(maxsize=4096)  # each URL of a page is asked about several times, by whoever finds, fetches and records it
def parse_target(target: str, *, query_encoding: str = "utf-8") -> RequestUrl:
    """Derive the request URL from `target`.

    Characters outside ASCII become A-labels in the host and percent-encoded octets in path and query; what is
    percent-encoded already is left as written. The fragment is dropped, dot segments are removed.

    Args:
        target: an absolute URL.
        query_encoding: the encoding of characters outside ASCII in the query; a page's own for links found in it.

    Raises:
        BadTarget: with a reason that says what to do.
    """
    if not target:
        raise BadTarget(target, "it is empty: give an absolute http or https URL")
    if len(target) > LONGEST:
        raise BadTarget(target, f"it is longer than {LONGEST} characters: give a shorter URL")
    if _CONTROL.search(target):
        raise BadTarget(target, "it contains a control character: remove it")
    if target != target.strip():
        raise BadTarget(target, "there is white space around it: remove it")
    try:
        target.encode()
        parts = urlsplit(target)
    except ValueError as err:  # UnicodeEncodeError (a lone surrogate) is one
        raise BadTarget(target, f"it is not a URL ({err}): check its spelling") from err
    if parts.scheme not in _PORTS:
        found = f"its scheme is {parts.scheme[:40]!r}" if parts.scheme else "it has no scheme"
        raise BadTarget(target, f"{found}: only http:// and https:// URLs can be captured")
    if "@" in parts.netloc:
        raise BadTarget(target, "it carries a user name or password: remove everything up to and including the '@'")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None or not authority["host"]:
        raise BadTarget(target, f"it names no host after {parts.scheme}://: write the site's name there")
    url = RequestUrl(
        parts.scheme,
        _host(target, authority["host"]),
        _port(target, authority["port"], _PORTS[parts.scheme]),
        _request_target(parts.path, parts.query, has_query="?" in target.partition("#")[0], encoding=query_encoding),
    )
    if len(str(url)) > LONGEST:
        raise BadTarget(target, f"percent-encoded it is longer than {LONGEST} characters: give a shorter URL")
    return url


def resolve(base: str, reference: str, *, query_encoding: str = "utf-8") -> RequestUrl:
    """The request URL of `reference` as found in the document at `base` (RFC 3986 §5).

    White space around it, and tabs and line breaks anywhere in it, are dropped and backslashes taken for slashes,
    as browsers do.

    Raises:
        BadTarget: what comes out cannot be requested.
    """
    cleaned = re.sub(r"[\t\n\r]", "", reference.strip("\x00\x09\x0a\x0c\x0d\x20"))
    head, hash_sign, fragment = cleaned.partition("#")
    path, question_mark, query = head.partition("?")
    cleaned = path.replace("\\", "/") + question_mark + query + hash_sign + fragment
    try:
        joined = urljoin(base, cleaned)
    except ValueError as err:
        raise BadTarget(reference, f"it is not a URL ({err})") from err
    return parse_target(joined, query_encoding=query_encoding)


def _host(target: str, text: str) -> str:
    if text.startswith("["):
        try:
            address = IPv6Address(text[1:-1])
        except AddressValueError as err:
            raise BadTarget(target, f"{text} is not an IPv6 address: correct it") from err
        if address.scope_id is not None:
            raise BadTarget(target, f"{text} names a network zone: remove '%' and what follows it")
        return str(address)
    host = text.lower() if text.isascii() else _a_labels(target, text)
    labels = host.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # The resolver of the system takes 127.1 or 0x7f000001 for addresses; whoever reads the record would not.
        try:
            return str(IPv4Address(host))
        except AddressValueError as err:
            raise BadTarget(target, f"{host!r} is not an IPv4 address: write four decimal numbers") from err
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadTarget(target, f"{host[:80]!r} is not a host name: check its spelling")
    return host


def _a_labels(target: str, host: str) -> str:
    import idna  # 7 ms for a table that most targets do not need

    try:
        return idna.encode(host, uts46=True).decode("ascii").lower()
    except idna.IDNAError as err:
        raise BadTarget(target, f"{host!r} is not an internationalised host name ({err}): check its spelling") from err


def _port(target: str, text: str | None, default: int) -> int:
    if not text:
        return default
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= 65535:
        raise BadTarget(target, f"{text[:20]!r} is not a port: use a number from 1 to 65535")
    return int(text)


def _request_target(path: str, query: str, *, has_query: bool, encoding: str) -> str:
    encoded = quote(_without_dots(path or "/"), safe=_PATH)
    if not has_query:
        return encoded
    # A character that the page's encoding lacks goes as a character reference, as browsers send it.
    return encoded + "?" + quote(query, safe=_QUERY, encoding=encoding, errors="xmlcharrefreplace")


def _without_dots(path: str) -> str:
    """RFC 3986 §5.2.4, for a path that begins with `/`."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)
