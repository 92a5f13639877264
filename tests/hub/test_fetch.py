"""Opening addresses chosen by others: nothing inside our network can be reached, and nothing takes for ever."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from channels import MediaSource
from hub.fetch import MAX_REDIRECTS, FetchError, GuardedTransport, fetch, permitted, resolve

Act = Callable[[asyncio.StreamWriter], Awaitable[None]]
NAME = "media.example.test"
PNG = b"\x89PNG\r\n\x1a\n...."


class Server:
    """An HTTP server on loopback: a path answers as its act says."""

    def __init__(self, acts: dict[str, Act]) -> None:
        self.acts = acts
        self.heads: list[str] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            await self.acts[head.split()[1]](writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def url(self, path: str = "/a.png", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


def answer(status: int = 200, body: bytes = PNG, **headers: str) -> Act:
    fields = {"content_length": str(len(body)), "content_type": "image/png"} | headers
    lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items())]

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        await writer.drain()

    return act


def redirect(location: str, status: int = 302) -> Act:
    return answer(status, b"", location=location)


Serve = Callable[..., Awaitable[Server]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    running: list[asyncio.Server] = []

    async def start(acts: dict[str, Act], host: str = "127.0.0.1", port: int = 0, **options: Any) -> Server:
        server = Server(acts)
        listener = await asyncio.start_server(server.handle, host, port, **options)
        server.port = listener.sockets[0].getsockname()[1]
        running.append(listener)
        return server

    yield start
    for listener in running:
        listener.close()
        await listener.wait_closed()


class Names:
    """A resolver that gives its answers one after another, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def kind(url: str, **options: Any) -> str:
    with pytest.raises(FetchError) as error:
        await fetch(MediaSource(url), **options)
    assert "example" not in str(error.value)
    return error.value.kind


ODD = [
    "http://127.0.0.1/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/", "https://[fe80::1]/", "https://[fec0::1]/",
    "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[ff02::1]/", "https://[::]/", "https://0177.0.0.1/",
    "https://0x7f.0.0.1/", "https://0x7f000001/", "https://2130706433/", "https://017700000001/", "https://127.1/",
    "https://127.0.0.1./", "https://0/", "https://0.0.0.0/", "https://10.0.0.1/", "https://172.16.0.1/",
    "https://192.168.0.1/", "https://100.64.0.1/", "https://100.100.100.200/",
    "https://169.254.169.254/latest/meta-data/", "https://224.0.0.1/", "https://240.0.0.1/",
    "https://255.255.255.255/", "https://user:password@media.example.test/", "ftp://media.example.test/",
    "file:///etc/passwd", "gopher://127.0.0.1:6379/", "data:text/plain,x", "//media.example.test/", "/etc/passwd",
    "https://", "https:///x", "https://media.example.test:99999/", "https://a b/", "",
]  # fmt: skip


@pytest.mark.parametrize("url", ODD)
async def test_addresses_inside_and_odd_notations_are_refused(url: str) -> None:  # S-17
    assert await kind(url, resolver=Names([])) == "forbidden"


PRIVATE = (
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://10.",
    "https://172.16.",
    "https://192.168.",
    "https://[fc00",
)


@pytest.mark.parametrize("url", [url for url in ODD if not url.startswith((*PRIVATE, "http://127.0.0.1/"))])
async def test_most_of_them_even_where_private_networks_are_allowed(url: str) -> None:  # S-17
    assert await kind(url, allow_private=True, resolver=Names([])) == "forbidden"


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1:248:1893:25c8:1946", True, True),
        ("64:ff9b::5db8:d822", True, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("192.168.1.1", False, True),
        ("fc00::1", False, True),
        ("100.64.0.1", False, False),
        ("169.254.169.254", False, False),
        ("fe80::1", False, False),
        ("fd00:ec2::254", False, False),
        ("64:ff9b::a00:1", False, False),
        ("::ffff:8.8.8.8", False, False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False, False),
        ("192.0.2.1", False, True),
        ("0.0.0.0", False, False),
    ],
)
def test_the_judgement_of_an_address(address: str, public: bool, private: bool) -> None:  # S-17
    judged = ipaddress.ip_address(address)
    assert (permitted(judged), permitted(judged, allow_private=True)) == (public, private)


async def test_a_name_that_points_inside_is_refused(serve: Serve) -> None:  # S-17
    for inside in ("127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1"):
        assert await kind(f"https://{NAME}/", resolver=Names([inside])) == "forbidden"
        assert await kind(f"https://{NAME}/", resolver=Names(["93.184.216.34", inside])) == "forbidden"
    assert await kind(f"https://{NAME}/", resolver=Names([])) == "dns"
    assert await kind(f"https://{NAME}/", resolver=Names(["not an address"])) == "forbidden"


async def test_a_name_that_changes_its_mind_is_not_followed(serve: Serve) -> None:  # S-17
    judged = await serve({"/a.png": answer(body=b"judged")})
    other = await serve({"/a.png": answer(body=b"rebound")}, "127.0.0.2", judged.port)
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    fetched = await fetch(MediaSource(judged.url(host=NAME)), allow_private=True, resolver=names)
    assert (fetched.data, other.heads) == (b"judged", [])
    assert names.asked == [(NAME, judged.port)]


async def test_a_name_that_changes_its_mind_between_redirects_is_caught(serve: Serve) -> None:  # S-17
    server = await serve({"/a.png": redirect("/b.png"), "/b.png": answer()})
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    assert await kind(server.url(host=NAME), allow_private=True, resolver=names) == "forbidden"
    assert len(server.heads) == 1


async def test_an_address_that_is_not_there_gives_way_to_the_next(serve: Serve) -> None:
    server = await serve({"/a.png": answer()})
    names = Names(["127.0.0.3", "127.0.0.1"])
    assert (await fetch(MediaSource(server.url(host=NAME)), allow_private=True, resolver=names)).data == PNG
    assert await kind(server.url(host=NAME), allow_private=True, resolver=Names(["127.0.0.3"])) == "connect"


async def test_plain_http_is_for_this_computer_only(serve: Serve) -> None:  # S-17
    assert await kind(f"http://{NAME}/", allow_private=True, resolver=Names(["10.0.0.1"])) == "forbidden"
    assert await kind(f"http://{NAME}/", resolver=Names(["93.184.216.34"])) == "forbidden"
    server = await serve({"/a.png": answer()})
    assert await kind(server.url()) == "forbidden"
    assert server.heads == []


@pytest.mark.parametrize(
    "location",
    [
        "https://169.254.169.254/latest/meta-data/",
        "http://169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "https://[fd00:ec2::254]/",
        "http://0177.0.0.1/",
        "http://example.test@169.254.169.254/",
        "file:///etc/passwd",
        "//169.254.169.254/",
        "http://[",
    ],
)
async def test_a_redirect_inside_is_refused(serve: Serve, location: str) -> None:  # S-17
    server = await serve({"/a.png": redirect(location)})
    assert await kind(server.url(), allow_private=True) in ("forbidden", "broken")
    assert len(server.heads) == 1


async def test_redirects_are_followed_so_far_and_no_further(serve: Serve) -> None:  # S-17
    paths = {f"/{at}": redirect(f"/{at + 1}", (301, 302, 303, 307, 308)[at % 5]) for at in range(5)}
    server = await serve(paths | {"/3": redirect("/a%20b.png"), "/a%20b.png": answer()})
    assert await kind(server.url("/0"), allow_private=True) == "too_many_redirects"
    assert len(server.heads) == MAX_REDIRECTS + 1 == 4
    assert (await fetch(MediaSource(server.url("/1")), allow_private=True)).name == "a b.png"


async def test_credentials_stay_with_the_host_they_are_for(serve: Serve) -> None:  # S-20
    other = await serve({"/b.png": answer()})
    server = await serve(
        {"/near.png": redirect("/a.png"), "/a.png": answer(), "/far.png": redirect(other.url("/b.png", "localhost"))}
    )
    secret = httpx.BasicAuth("user", "secret")._auth_header

    async def told(path: str, *hosts: str) -> list[bool]:
        server.heads.clear()
        other.heads.clear()
        source = MediaSource(server.url(path), hosts, ("user", "secret"))
        await fetch(source, allow_private=True)
        return [secret in head for head in server.heads + other.heads]

    assert await told("/a.png", "127.0.0.1") == [True]
    assert await told("/near.png", "127.0.0.1") == [True, True]
    assert await told("/far.png", "127.0.0.1", "localhost") == [True, False]
    assert await told("/a.png", "*.twilio.com") == [False]
    assert await told("/a.png") == [False]
    assert "secret" not in repr(MediaSource("https://x/", (), ("user", "secret")))


async def test_credentials_do_not_come_back_after_a_detour(serve: Serve) -> None:  # S-20
    server = await serve({"/a.png": answer()})
    detour = await serve({"/": redirect(server.url("/a.png"))}, "127.0.0.2")
    server.acts["/start"] = redirect(detour.url("/", "127.0.0.2"))
    await fetch(MediaSource(server.url("/start"), ("127.0.0.1",), ("user", "secret")), allow_private=True)
    assert ["authorization" in head.lower() for head in server.heads] == [True, False]


async def test_too_much_is_refused_by_its_length_and_by_its_bytes(serve: Serve) -> None:  # S-17
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 10_000)
            await writer.drain()

    server = await serve({"/long": answer(content_length="999999999"), "/endless": endless, "/fits": answer()})
    assert await kind(server.url("/long"), allow_private=True) == "too_large"
    assert await kind(server.url("/endless"), allow_private=True) == "too_large"
    assert await kind(server.url("/fits"), allow_private=True, limit=len(PNG) - 1) == "too_large"
    assert (await fetch(MediaSource(server.url("/fits")), allow_private=True, limit=len(PNG))).data == PNG


async def test_a_slow_drip_ends_in_time(serve: Serve) -> None:  # S-17
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def silence(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)

    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    server = await serve({"/drip": drip, "/silence": silence})
    started = asyncio.get_running_loop().time()
    assert await kind(server.url("/drip"), allow_private=True, seconds=0.3) == "timeout"
    assert await kind(server.url("/silence"), allow_private=True, seconds=0.3) == "timeout"
    assert await kind(f"https://{NAME}/", resolver=never, seconds=0.1) == "timeout"
    assert asyncio.get_running_loop().time() - started < 2


@pytest.mark.parametrize(
    ("act", "expected", "retry"),
    [
        (answer(content_type="text/html; charset=utf-8", body=b"<html>please log in"), "not_media", False),
        (answer(content_type="Application/XHTML+xml"), "not_media", False),
        (answer(401), "status", False),
        (answer(403), "status", False),
        (answer(404), "status", True),
        (answer(429), "status", True),
        (answer(500), "status", True),
        (answer(204, b""), "status", False),
        (answer(206), "status", False),
        (answer(304, b""), "status", False),
        (answer(content_encoding="gzip"), "broken", True),
        (answer(content_length="900"), "broken", True),
    ],
)
async def test_what_is_no_media(serve: Serve, act: Act, expected: str, retry: bool) -> None:
    server = await serve({"/a.png": act})
    with pytest.raises(FetchError) as error:
        await fetch(MediaSource(server.url()), allow_private=True)
    assert (error.value.kind, error.value.retry) == (expected, retry)


@pytest.mark.parametrize(
    ("path", "header", "name"),
    [
        ("/a.png", "", "a.png"),
        ("/x/%E6%B3%A8%E6%96%87.png", "", "注文.png"),
        ("/a.png?name=b", 'attachment; filename="../../c.png"', "c.png"),
        ("/a.png", "attachment; filename*=UTF-8''%E6%B3%A8.png", "注.png"),
        ("/a.png", "attachment; filename*=nonsense''c.png", "c.png"),
        ("/", "", "file"),
    ],
)
async def test_the_files_name_is_clean(serve: Serve, path: str, header: str, name: str) -> None:
    server = await serve({path: answer(content_disposition=header)})
    fetched = await fetch(MediaSource(server.url(path)), allow_private=True)
    assert (fetched.data, fetched.media_type) == (PNG, "image/png")
    assert fetched.name == name


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for :data:`NAME`; return the server's context and one that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = folder / "cert.pem"
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, form, plain)
    pem.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


async def test_the_certificate_is_checked_against_the_name_not_the_address(serve: Serve, tmp_path: Path) -> None:
    offered, trusting = certificate(tmp_path)
    asked: list[str | None] = []
    offered.sni_callback = lambda _socket, name, _context: asked.append(name)
    server = await serve({"/a.png": answer()}, ssl=offered)

    async def get(host: str, tls: ssl.SSLContext | None) -> bytes:
        source = MediaSource(f"https://{host}:{server.port}/a.png")
        return (await fetch(source, allow_private=True, resolver=Names(["127.0.0.1"]), tls=tls)).data

    assert await get(NAME, trusting) == PNG
    assert asked == [NAME]
    assert f"host: {NAME}:{server.port}" in server.heads[0].lower()
    for host, tls in (("other.example.test", trusting), (NAME, None), ("127.0.0.1", trusting)):
        with pytest.raises(FetchError, match="connect"):
            await get(host, tls)


async def test_the_transport_guards_any_request(serve: Serve) -> None:  # S-17
    server = await serve({"/hook": answer(body=b"ok")})
    async with httpx.AsyncClient(transport=GuardedTransport(allow_private=True), trust_env=False) as client:
        assert (await client.post(server.url("/hook"), content=b"{}")).content == b"ok"
    async with httpx.AsyncClient(transport=GuardedTransport(), trust_env=False) as client:
        with pytest.raises(FetchError, match="forbidden"):
            await client.post(server.url("/hook"), content=b"{}")
    assert len(server.heads) == 1


async def test_the_systems_resolver_is_asked_by_default() -> None:
    assert set(await resolve("localhost", 80)) <= {"127.0.0.1", "::1"}
    assert await kind("https://localhost/") == "forbidden"
