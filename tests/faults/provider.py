"""A text message provider on loopback: records every send, is unreliable in all the ways they are, and calls back."""

import asyncio
import contextlib
import itertools
from collections import Counter
from random import Random
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the SDK ships no types

from tests.faults.line import PATIENCE, Pick
from tests.faults.outgoing import TEXTED, UNCLEAR, Call, Verdict
from tests.support.texting import ACCOUNT, NUMBER, TOKEN

ODDS: dict[Verdict, float] = {
    "slow": 0.06, "busy": 0.04, "away": 0.02, "broken": 0.015, "failed": 0.01, "hung up": 0.015, "dropped": 0.01
}  # fmt: skip
SLOW = (0.2, 1.2)
PATIENT = 2
"""Times in a row that a text may be put off."""


class Provider:
    """Speaks Twilio's protocol. ``calls`` is what it was asked to send, in order; *seed* decides when it fails.

    It knows the hub by the address *public*, which it signs, and reaches one of the processes behind it. *mood* times
    ``ODDS`` is how often it fails.
    """

    def __init__(self, public: str, pick: Pick, http: aiohttp.ClientSession, seed: int, mood: float) -> None:
        self.calls: list[Call] = []
        self.inbox = ""
        self._public = public
        self._pick = pick
        self._http = http
        self._seed = seed
        self._mood = mood
        self._random = Random(seed)
        self._times: Counter[tuple[str, str]] = Counter()
        self._sids = itertools.count(1)
        self._callbacks: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._signer = RequestValidator(TOKEN)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for task in self._callbacks:
            task.cancel()
        await asyncio.gather(*self._callbacks, return_exceptions=True)
        if self._runner:
            await self._runner.cleanup()

    @property
    def waiting(self) -> int:
        """Reports that are on their way."""
        return len(self._callbacks)

    @property
    def config(self) -> dict[str, Any]:
        """Settings of an inbox that sends through here."""
        assert self._runner is not None
        host, port = self._runner.addresses[0][:2]
        return {"account_sid": ACCOUNT, "auth_token": [TOKEN], "sender": NUMBER, "api_base": f"http://{host}:{port}"}

    # --- from the hub ----------------------------------------------------------------------------------------------

    async def _take(self, request: web.Request) -> web.StreamResponse:
        try:
            fields = await request.post()
        except ConnectionError:
            return web.Response()  # the hub was killed while it asked: this is nobody's message
        phone, body = str(fields["To"]), str(fields["Body"])
        verdict = self._verdict(phone, body)
        self.calls.append(Call(phone, body, verdict))
        sid = f"SM{next(self._sids):032x}"
        if verdict in TEXTED and self._random.random() < 0.5:
            self._later(self._call_back(str(fields["StatusCallback"]), sid, phone))
        if verdict == "slow":
            await asyncio.sleep(self._random.uniform(*SLOW))
        if verdict in ("hung up", "dropped") and request.transport:
            request.transport.abort()
        if verdict == "busy":
            return web.json_response({"code": 20429}, status=429, headers={"Retry-After": "1"})
        if verdict == "away":
            return web.json_response({"code": 20503}, status=503)
        if verdict in UNCLEAR:
            return web.json_response({"code": 20500}, status=500)
        return web.json_response({"sid": sid, "status": "queued"}, status=201)

    def _verdict(self, phone: str, body: str) -> Verdict:
        """The same for the same text, whenever it comes."""
        times = self._times[phone, body] = self._times[phone, body] + 1
        left = Random(f"{self._seed} {phone} {body} {times}").random()
        for verdict, odds in ((verdict, odds * self._mood) for verdict, odds in ODDS.items()):
            if left < odds and not (times > PATIENT and verdict in ("busy", "away")):
                return verdict
            left -= odds
        return "taken"

    # --- to the hub ------------------------------------------------------------------------------------------------

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._callbacks.add(task)
        task.add_done_callback(self._callbacks.discard)

    async def _call_back(self, url: str, sid: str, phone: str) -> None:
        """Report, once each, perhaps before our answer has arrived; nobody repeats a report that is lost."""
        for state in ("sent", "delivered"):
            await asyncio.sleep(self._random.uniform(0.0, 0.4))
            fields = {"MessageSid": sid, "MessageStatus": state, "AccountSid": ACCOUNT, "From": NUMBER, "To": phone}
            await self._post(url.removeprefix(self._public), fields)

    async def text(self, phone: str, body: str, sid: str) -> bool:
        """Hand a customer's text to the hub; whether it said that it has it."""
        fields = {
            "MessageSid": sid, "AccountSid": ACCOUNT, "From": phone, "To": NUMBER, "Body": body, "NumMedia": "0"
        }  # fmt: skip
        return await self._post(f"/webhooks/sms/{self.inbox}", fields)

    async def _post(self, path: str, fields: dict[str, str]) -> bool:
        headers = {"X-Twilio-Signature": self._signer.compute_signature(self._public + path, fields)}
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
            url = self._pick() + path
            async with self._http.post(url, data=fields, headers=headers, timeout=timeout) as answer:
                return answer.ok
        return False
