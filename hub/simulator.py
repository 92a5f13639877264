"""Plays the phones and the provider of simulated inboxes, so that a channel can be tried without an account.

Nothing leaves this process, and nothing is short-cut: texts are signed as the provider signs and pass through the
webhook's route; what the hub sends leaves through the channel and the hub's HTTP client, which hands requests for the
make-believe host to the simulator. Texts are kept in memory only, by each process for itself.
"""

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import httpx
from starlette.types import ASGIApp
from typing_extensions import TypedDict

from channels import Heard, Phone, Request
from hub.registry import LiveInbox, Registry
from models.clock import iso

HOST = "simulator.localhost"
MAX_PHONES = 100
MAX_TEXTS = 200
"""Texts kept of one phone."""
_PAUSE = 0.3
"""Seconds between two reports on a message, so that its states can be seen to pass."""

_log = logging.getLogger("frontdesk.simulator")


class Text(TypedDict):
    """A text on a make-believe phone. ``from_us``: the hub sent it. ``state``: ``refused`` if the webhook did not."""

    at: str
    text: str
    from_us: bool
    state: Literal["queued", "sent", "delivered", "refused"]


class Texts(TypedDict):
    """``GET /api/simulator/{inbox}?sender=``: what a phone shows, oldest first."""

    items: list[Text]


def base_of(key: str) -> str:
    """Address of the make-believe provider of the inbox with this public key."""
    return f"http://{hashlib.sha256(key.encode()).hexdigest()[:16]}.{HOST}"


def phone_of(live: LiveInbox) -> Phone | None:
    """The simulated inbox's other end; None for an inbox with a real one."""
    phone = live.channel.caps.phone
    return phone if phone and phone.plays(live.config, base_of(live.inbox.key)) else None


class Simulator:
    """The other end of every simulated inbox of this process."""

    def __init__(self, registry: Registry, app: ASGIApp, public_url: str) -> None:
        self._registry = registry
        self._public_url = public_url
        self._phones: OrderedDict[tuple[str, str], deque[Text]] = OrderedDict()
        self._reports: set[asyncio.Task[None]] = set()
        inside = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._webhooks = httpx.AsyncClient(transport=inside, base_url=public_url, trust_env=False)

    def mounts(self) -> Mapping[str, httpx.AsyncBaseTransport]:
        """What an HTTP client needs to reach the make-believe provider."""
        return {f"http://*.{HOST}": _Provider(self)}

    def texts(self, live: LiveInbox, sender: str) -> Texts:
        """What the phone called *sender* shows."""
        return {"items": list(self._phones.get((live.id, sender), ()))}

    async def write(self, live: LiveInbox, phone: Phone, sender: str, text: str) -> Text:
        """Let *sender* text the inbox; the answer says whether the webhook took it."""
        shown = self._show(live, sender, text, from_us=False)
        url = f"{self._public_url}/webhooks/{live.inbox.kind}/{live.id}"
        taken = await self._post(phone.incoming(sender, text, url, live.config))
        shown["state"] = "delivered" if taken else "refused"
        return shown

    async def answer(self, request: Request) -> httpx.Response:
        """Play the provider for one call of ours."""
        origin = request.url.removesuffix(request.path + ("?" + request.query if request.query else ""))
        live = next((one for one in self._registry.inboxes() if base_of(one.inbox.key) == origin), None)
        phone = phone_of(live) if live else None
        if live is None or phone is None:
            return httpx.Response(404)
        reply, heard = phone.provider(request, live.config)
        if heard:
            shown = self._show(live, heard.address, "\n".join((heard.text, *heard.files)).strip(), from_us=True)
            task = asyncio.create_task(self._report(live, phone, heard, shown))
            self._reports.add(task)
            task.add_done_callback(self._reports.discard)
        return httpx.Response(reply.status, content=reply.body, headers={"content-type": reply.media_type})

    async def close(self) -> None:
        """Put the phones away."""
        for task in self._reports:
            task.cancel()
        await asyncio.gather(*self._reports, return_exceptions=True)
        await self._webhooks.aclose()

    def _show(self, live: LiveInbox, address: str, text: str, *, from_us: bool) -> Text:
        shown: Text = {"at": iso(time.time_ns() // 1_000_000), "text": text, "from_us": from_us, "state": "queued"}
        self._phones.setdefault((live.id, address), deque(maxlen=MAX_TEXTS)).append(shown)
        self._phones.move_to_end((live.id, address))
        if len(self._phones) > MAX_PHONES:
            self._phones.popitem(last=False)
        return shown

    async def _report(self, live: LiveInbox, phone: Phone, heard: Heard, shown: Text) -> None:
        states: tuple[Literal["sent", "delivered"], ...] = ("sent", "delivered")
        for state in states:
            await asyncio.sleep(_PAUSE)
            shown["state"] = state
            if heard.callback:
                await self._post(phone.receipt(heard, state, live.config))

    async def _post(self, request: Request) -> bool:
        """Hand a request to our own webhook; False if it was not taken."""
        target = request.path + ("?" + request.query if request.query else "")
        answer = await self._webhooks.request(
            request.method, target, content=request.body, headers=dict(request.headers)
        )
        if not answer.is_success:
            _log.warning("the webhook answered %s to the simulator", answer.status_code)
        return answer.is_success


@dataclass(frozen=True, slots=True)
class _Provider(httpx.AsyncBaseTransport):
    """The hub's way to the make-believe provider."""

    simulator: Simulator

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.simulator.answer(
            Request(
                method=request.method,
                url=str(request.url),
                path=request.url.raw_path.decode("ascii").partition("?")[0],
                query=request.url.query.decode("ascii"),
                headers=request.headers,
                body=await request.aread(),
            )
        )
