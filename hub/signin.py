"""Signing in: passwords, login sessions, one-time links, and telling sockets when a session ended (S-8, S-9, S-10)."""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.refusals import Refusal
from hub.vault import Vault
from models import logins, users
from models.db import Database
from models.http import SetPassword
from models.logins import Attempt, LinkPurpose, NewLink, NewPassword, NewSession
from models.text import clean
from models.users import User
from models.wire import Role

R = TypeVar("R")

SESSION = 14 * 24 * 3_600
"""Seconds a login lasts, however much it is used."""
LINK = 3_600
WINDOW = 900
TRIES = 5
"""Failures of one account from one place in :data:`WINDOW` seconds."""
TRIES_HERE = 50
"""Failures of one place with whatever accounts."""
REMEMBERED = 2.0
"""Seconds a session is believed without asking the database; another process may have ended it."""
_HASHING = 2
_WAITING = 32
_WRONG = "The e-mail address or the password is wrong."
_USED = "This link was used before or is too old. Ask for a new one."


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. ``socket`` is the token for CONNECT; ``id`` tells nothing that would let one in."""

    id: str
    csrf: str
    socket: str
    user: User


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh login; ``token`` goes into the cookie and is kept nowhere."""

    token: str
    session: Session


def digest(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def new_link(purpose: LinkPurpose, user: str | None) -> tuple[str, NewLink]:
    """Make a one-time link's token and the row to store with ``logins.issue_link``."""
    token = secrets.token_urlsafe(32)
    return token, NewLink(digest(token), purpose, user, LINK * 1_000)


def link_url(public_url: str, purpose: LinkPurpose, token: str) -> str:
    """Return the address to open. The token is in the fragment, which no server or log ever sees."""
    return f"{public_url}/inbox#{purpose}={token}"


class SignIn:
    """Who is signed in. *on_revoked* are told the id of a user whose sessions ended; they close open sockets."""

    def __init__(
        self,
        db: Database,
        vault: Vault,
        *,
        on_revoked: Iterable[Callable[[str], Awaitable[None]]] = (),
        hasher: PasswordHasher | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_revoked = list(on_revoked)
        self._db = db
        self._vault = vault
        self._clock = clock
        self._hasher = hasher or PasswordHasher()
        self._hashing = asyncio.Semaphore(_HASHING)
        self._waiting = 0
        self._known: OrderedDict[str, tuple[float, Session]] = OrderedDict()

    # --- in and out --------------------------------------------------------------------------------------------------

    async def sign_in(self, email: str, password: str, address: str) -> SignedIn:
        """Check a password given from *address*; raise :class:`Refusal` (unauthorized, rate_limited, unavailable).

        An account that does not exist costs as much time and gets the same answer.
        """
        place = _household(address)
        own = self._vault.mark("attempt", users.normal(email), place)
        here = self._vault.mark("attempt", place)
        attempt = Attempt(((own, TRIES), (here, TRIES_HERE)), WINDOW * 1_000)
        if wait := await self._db.write(logins.try_once, attempt, "signin"):
            raise Refusal("rate_limited", "Too many failed attempts. Wait a while.", retry_after=wait / 1_000)
        user = await self._db.read(users.by_email, email)
        if user is None or user.disabled or user.password is None:
            await self._hash(password)
            raise Refusal("unauthorized", _WRONG)
        if not await self._in_thread(self._fits, user.password, clean(password)):
            raise Refusal("unauthorized", _WRONG)
        await self._db.write(logins.succeeded, (own, (here,)), "signin")
        if self._hasher.check_needs_rehash(user.password):
            await self._db.write(users.rehash, (user.id, user.password, await self._hash(password)), "signin")
        return await self._start(user)

    async def set_password(self, given: SetPassword) -> SignedIn:
        """Use a one-time link up and sign in; raise :class:`Refusal` naming what is wrong.

        The first set-up makes the administrator. A user's other sessions end.
        """
        token_hash = digest(given.token)
        if not await self._db.read(logins.has_link, token_hash):
            raise Refusal("unauthorized", _USED, field="token")
        new = NewPassword(token_hash, await self._hash(given.password), given.name, given.email)
        done = await self._db.write(logins.set_password, new, "signin")
        if done.refused == "token":
            raise Refusal("unauthorized", _USED, field="token")
        if done.refused == "taken":
            raise Refusal("conflict", "Somebody has this e-mail address already.", field="email")
        if done.user is None:
            raise Refusal("bad_request", "This is needed.", field=done.refused)
        await self._revoked(done.user.id, done.ended)
        return await self._start(done.user)

    async def sign_out(self, session: Session) -> None:
        """End one login."""
        await self._db.write(logins.end_session, session.id, "signin")
        await self._revoked(session.user.id, [session.id])

    async def sign_out_everywhere(self, user_id: str) -> None:
        """End all logins of a user."""
        await self._revoked(user_id, await self._db.write(logins.end_sessions, user_id, "signin"))

    async def set_role(self, user_id: str, role: Role) -> None:
        """Give a user another role; they have to sign in again."""
        await self._revoked(user_id, await self._db.write(logins.set_role, (user_id, role), "signin"))

    # --- who is it ---------------------------------------------------------------------------------------------------

    async def who(self, token: str) -> Session | None:
        """Return the session of a cookie's token, at most :data:`REMEMBERED` seconds old news."""
        return await self._session(digest(token))

    async def who_by_socket_token(self, token: str) -> Session | None:
        """Return the session whose socket token this is."""
        session_id, _, mark = token.partition(".")
        expected = self._vault.mark("socket", session_id)
        if not secrets.compare_digest(mark.encode("utf-8", "replace"), expected.encode()):
            return None
        return await self._session(session_id)

    async def living(self, session_ids: Sequence[str]) -> set[str]:
        """Which sessions are valid, asked of the database now: other processes and the command line end some too."""
        return await self._db.read(logins.living, session_ids)

    async def _session(self, session_id: str) -> Session | None:
        known = self._known.get(session_id)
        if known and known[0] > self._clock():
            return known[1]
        self._known.pop(session_id, None)
        asked = self._clock()
        stored = await self._db.read(logins.session, session_id)
        if stored is None:
            return None
        session = self._open(session_id, stored.csrf, stored.user)
        self._known[session_id] = (asked + REMEMBERED, session)
        if len(self._known) > 10_000:
            self._known.popitem(last=False)
        return session

    def _open(self, session_id: str, csrf: str, user: User) -> Session:
        return Session(session_id, csrf, f"{session_id}.{self._vault.mark('socket', session_id)}", user)

    async def _start(self, user: User) -> SignedIn:
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        new = NewSession(user.id, digest(token), csrf, SESSION * 1_000)
        await self._db.write(logins.start_session, new, "signin")
        return SignedIn(token, self._open(new.token_hash, csrf, user))

    def forget(self, user_id: str) -> None:
        """Ask the database about a user's sessions: another process ended some."""
        for session_id in [one for one, (_, session) in self._known.items() if session.user.id == user_id]:
            del self._known[session_id]

    async def _revoked(self, user_id: str, session_ids: Iterable[str]) -> None:
        for session_id in session_ids:
            self._known.pop(session_id, None)
        for tell in self.on_revoked:
            await tell(user_id)

    # --- passwords ---------------------------------------------------------------------------------------------------

    async def _hash(self, password: str) -> str:
        return await self._in_thread(self._hasher.hash, clean(password))

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[..., R], *args: str) -> R:
        """Run argon2, few at a time: each takes 64 MiB."""
        if self._waiting >= _WAITING:
            raise Refusal("unavailable", retry_after=5.0)
        self._waiting += 1
        try:
            async with self._hashing:
                return await asyncio.to_thread(work, *args)
        finally:
            self._waiting -= 1


def _household(address: str) -> str:
    """Return what one customer of a provider holds: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
