"""The one way the hub opens an address it was told by somebody else.

An address is resolved once, every answer is judged, and the connection goes to the judged IP: a name that points
somewhere else a moment later changes nothing. TLS still checks the certificate against the name.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from fnmatch import fnmatchcase
from functools import cache
from typing import Literal
from urllib.parse import unquote

import httpx

from channels import MediaSource
from hub.media import clean_name

SECONDS = 5.0
MAX_BYTES = 5_000_000
MAX_REDIRECTS = 3

FetchErrorKind = Literal[
    "forbidden", "dns", "connect", "timeout", "too_large", "too_many_redirects", "status", "not_media", "broken"
]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks up a host for a port: its IP addresses, or ``OSError``."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_.-]{1,253}", re.IGNORECASE)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_METADATA = ipaddress.IPv6Network("fd00:ec2::/32")
_PAGES = ("text/html", "application/xhtml+xml")


class FetchError(Exception):
    """An address could not be fetched. ``retry``: a later try may help. Says neither address nor content."""

    def __init__(self, kind: FetchErrorKind, status: int | None = None) -> None:
        super().__init__(f"{kind} {status or ''}".strip())
        self.kind = kind
        self.status = status
        self.retry = kind in ("dns", "connect", "timeout", "broken") or status in (
            404,
            408,
            425,
            429,
            500,
            502,
            503,
            504,
        )


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file's bytes, the media type its server claims, and a clean file name."""

    data: bytes
    media_type: str
    name: str


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport for addresses chosen by others; raises :class:`FetchError`. Nothing is kept alive.

    https only. With *allow_private* also private networks, and plain http to this very computer; link-local (cloud
    metadata), multicast, reserved and mapped addresses never.
    """

    def __init__(
        self, *, allow_private: bool = False, resolver: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._private = allow_private
        self._resolve = resolver
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=tls or _tls(), limits=limits, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Resolve, judge, and send the request to a judged address under its own name."""
        url = request.url
        extensions = {**request.extensions, "sni_hostname": url.raw_host.decode("ascii")}
        failure = FetchError("connect")
        for address in await self._addresses(url):
            target = url.copy_with(host=str(address))
            pinned = httpx.Request(
                request.method, target, headers=request.headers, stream=request.stream, extensions=extensions
            )
            try:
                return await self._inner.handle_async_request(pinned)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure.__cause__ = error
        raise failure

    async def aclose(self) -> None:
        """Close what is open."""
        await self._inner.aclose()

    async def _addresses(self, url: httpx.URL) -> list[_Address]:
        if url.userinfo or url.scheme not in ("http", "https") or not url.host:
            raise FetchError("forbidden")
        try:
            found = [ipaddress.ip_address(text) for text in await self._lookup(url)]
        except ValueError:
            raise FetchError("forbidden") from None
        if not found:
            raise FetchError("dns")
        if not all(permitted(address, allow_private=self._private) for address in found):
            raise FetchError("forbidden")
        if url.scheme == "http" and not (self._private and all(address.is_loopback for address in found)):
            raise FetchError("forbidden")
        return found[:4]

    async def _lookup(self, url: httpx.URL) -> Sequence[str]:
        """An IP is itself, if written the one usual way; a host that only looks like a number is no name."""
        host = url.raw_host.decode("ascii")
        if ":" in host or _NUMERIC.fullmatch(host):
            if str(ipaddress.ip_address(host)) != host.lower():
                raise FetchError("forbidden")
            return [host]
        port = url.port or (443 if url.scheme == "https" else 80)
        if not _HOST.fullmatch(host) or port > 65_535:
            raise FetchError("forbidden")
        try:
            return await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise FetchError("dns") from None


def permitted(address: _Address, *, allow_private: bool = False) -> bool:
    """Whether the hub may connect to *address*."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return permitted(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        # Said outright, because newer Pythons judge a mapped address by the one inside.
        if address.ipv4_mapped or address.sixtofour or address.teredo or address.is_site_local or address in _METADATA:
            return False
    if address.is_loopback:
        return allow_private
    if address.is_multicast or address.is_link_local or address.is_unspecified or address.is_reserved:
        return False
    return address.is_global or (allow_private and address.is_private)


async def fetch(
    source: MediaSource,
    *,
    allow_private: bool = False,
    resolver: Resolve = resolve,
    tls: ssl.SSLContext | None = None,
    seconds: float = SECONDS,
    limit: int = MAX_BYTES,
) -> Fetched:
    """Fetch a file within *seconds* in all and *limit* bytes, or raise :class:`FetchError`.

    At most three redirects, each judged like the first address. Credentials go to the first host only, and only if
    ``source.hosts`` names it; a redirect to another host loses them for good. A web page is no media (an expired or
    refused link often answers with one).
    """
    transport = GuardedTransport(allow_private=allow_private, resolver=resolver, tls=tls)
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(transport=transport, trust_env=False) as client:
            return await _follow(client, source, limit)
    except TimeoutError:
        raise FetchError("timeout") from None
    except httpx.InvalidURL:
        raise FetchError("forbidden") from None
    except httpx.TimeoutException:
        raise FetchError("timeout") from None
    except httpx.HTTPError:
        raise FetchError("broken") from None


async def _follow(client: httpx.AsyncClient, source: MediaSource, limit: int) -> Fetched:
    url = httpx.URL(source.url)
    auth = httpx.BasicAuth(*source.auth) if source.auth and _named(url.host, source.hosts) else None
    for _ in range(MAX_REDIRECTS + 1):
        headers = {"accept": "*/*", "accept-encoding": "identity"}
        request = client.build_request("GET", url, headers=headers)
        answer = await client.send(request, auth=auth, stream=True)
        try:
            if not answer.has_redirect_location:
                return await _read(answer, limit)
            target = url.join(answer.headers["location"])
        finally:
            await answer.aclose()
        if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
            auth = None
        url = target
    raise FetchError("too_many_redirects")


def _named(host: str, hosts: Sequence[str]) -> bool:
    """Whether *hosts* (names, or ``*.example.test`` for all below it) name *host*."""
    return any(fnmatchcase(host, pattern) for pattern in hosts)


async def _read(answer: httpx.Response, limit: int) -> Fetched:
    if answer.status_code != 200:
        raise FetchError("status", answer.status_code)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchError("broken")
    media_type = answer.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    if media_type in _PAGES:
        raise FetchError("not_media")
    length = answer.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise FetchError("too_large")
    data = bytearray()
    async for chunk in answer.aiter_raw():
        data += chunk
        if len(data) > limit:
            raise FetchError("too_large")
    return Fetched(bytes(data), media_type, _file_name(answer))


def _file_name(answer: httpx.Response) -> str:
    header = Message()
    header["content-disposition"] = answer.headers.get("content-disposition", "")
    return clean_name(header.get_filename() or unquote(answer.url.path))


@cache
def _tls() -> ssl.SSLContext:
    """Load the certificate authorities once; it takes longer than a fetch."""
    return httpx.create_ssl_context(trust_env=False)
