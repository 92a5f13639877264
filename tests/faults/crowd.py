"""Everybody who talks in a run: visitors in their tabs, customers who text, agents, and the phone company."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp

from tests.faults.clerk import Clerk
from tests.faults.desk import Desk, SignedIn
from tests.faults.line import Line, Pick
from tests.faults.phone import Phone
from tests.faults.provider import Provider
from tests.faults.receiver import Receiver
from tests.faults.tab import Tab, Visitor
from tests.support.hub import HubProcess, Person

WANTS_PERSON_AT = 25
"""Number of the first visitor's message that asks for a person, and a fifth of that of the first phone's."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many talk, how fast (seconds between two messages of each), and how moody their provider is."""

    visitors: int = 10
    phones: int = 5
    tab: tuple[float, float] = (0.02, 0.15)
    phone: tuple[float, float] = (0.4, 1.2)
    clerk: tuple[float, float] = (0.05, 0.25)
    mood: float = 1.0


class Crowd:
    """Real clients of *hub*, each dialling whichever of its processes comes to hand. *seed* decides what they do."""

    def __init__(self, hub: HubProcess, size: Size, seed: int, http: aiohttp.ClientSession) -> None:
        def pick() -> str:
            return chooser.choice(hub.doors).url

        chooser = Random(seed)
        self._size = size
        self.provider = Provider(hub.url, pick, http, seed, size.mood)
        self.tabs = list(_tabs(size.visitors, pick, http, seed))
        self.phones = list(_phones(size.phones, self.provider, seed))
        people = (hub.admin, hub.agent)
        self.desks = [
            Desk(f"agent{number}", _signed_in(hub, person), pick, http, Random(f"{seed} desk {number}"))
            for number, person in enumerate(people)
        ]
        self.clerks = [Clerk(desk, pick, http, Random(f"{seed} clerk {desk.name}")) for desk in self.desks]

    @asynccontextmanager
    async def here(self) -> AsyncIterator[None]:
        """Everybody is connected, and listens."""
        clients: list[Desk | Tab] = [*self.desks, *self.tabs]
        async with running([work for client in clients for work in (client.run(), client.keep_in_step())]):
            yield
            for phone in self.phones:
                await phone.close()

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[None]:
        """Everybody writes."""
        tabs = [tab.write(self._size.tab) for tab in self.tabs]
        phones = [phone.write(self._size.phone) for phone in self.phones]
        async with running([*tabs, *phones, *(clerk.work(self._size.clerk) for clerk in self.clerks)]):
            yield

    @property
    def waiting(self) -> int:
        """Messages that are written and not known to be stored, and reports of the provider on their way."""
        senders: Sequence[Tab | Phone | Provider] = (*self.tabs, *self.phones, self.provider)
        return sum(sender.waiting for sender in senders)

    @property
    def connected(self) -> bool:
        """Whether every line is up."""
        return all(line.connected for line in self._lines())

    def _lines(self) -> list[Line]:
        return [*(tab.line for tab in self.tabs), *(desk.line for desk in self.desks)]

    def receivers(self) -> list[tuple[str, Receiver]]:
        """Everybody's list of every conversation they follow."""
        mine = [(tab.name, tab.receiver) for tab in self.tabs if tab.receiver]
        return [*mine, *((desk.name, receiver) for desk in self.desks for receiver in desk.receivers.values())]

    def counts(self) -> Counter[str]:
        """How much of everything happened."""
        senders: Sequence[Tab | Clerk] = (*self.tabs, *self.clerks)
        counts = Counter[str](call.verdict for call in self.provider.calls)
        counts.update(
            acked=len({ack.client_id for sender in senders for ack in sender.acks}),
            texts=len({sid for phone in self.phones for sid in phone.taken}),
            webhooks=sum(len(phone.taken) for phone in self.phones),
            resent=sum(sender.resent for sender in senders),
            absorbed=sum(sender.absorbed for sender in senders),
            connections=sum(line.connections for line in self._lines()),
            receivers=len(self.receivers()),
            pushed=sum(receiver.pushed for _, receiver in self.receivers()),
            received=sum(len(receiver.heard) for _, receiver in self.receivers()),
            writes=sum(len(clerk.written) for clerk in self.clerks),
            refused=sum(clerk.refused for clerk in self.clerks),
            calls=len(self.provider.calls),
        )
        return counts


def _tabs(visitors: int, pick: Pick, http: aiohttp.ClientSession, seed: int) -> list[Tab]:
    """Two tabs for each visitor; the first visitor asks for a person after a while."""
    tabs = []
    for number in range(visitors):
        visitor = Visitor(f"v{number}")
        for tab in range(2):
            at = WANTS_PERSON_AT if number == tab == 0 else -1
            tabs.append(Tab(visitor, pick, http, Random(f"{seed} {number} {tab}"), wants_person_at=at))
    return tabs


def _phones(phones: int, provider: Provider, seed: int) -> Iterator[Phone]:
    for number in range(phones):
        at = WANTS_PERSON_AT // 5 if number == 0 else -1
        yield Phone(f"+1500555{1000 + number}", provider, Random(f"{seed} phone {number}"), wants_person_at=at)


def _signed_in(hub: HubProcess, person: Person) -> SignedIn:
    with hub.client(person) as client:
        me = client.get("/api/session").json()
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return SignedIn(me["id"], cookie, me["csrf"], me["socket"])


@asynccontextmanager
async def running(works: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Do *works* meanwhile; raise what one of them failed with."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
