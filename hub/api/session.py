"""``/api/session`` and ``/api/setup``: signing in and out, and the guard that every other route stands behind."""

import secrets
from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from hub.problems import Problem, StrictRoute
from hub.roles import Action, may
from hub.settings import Settings
from hub.signin import SESSION, Session, SignedIn, SignIn
from models.http import Me, SetPassword
from models.http import SignIn as Credentials

CSRF = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Dependencies of routes: ``Depends(guard.current)`` and ``Depends(guard.may("reply"))``."""

    def __init__(self, signin: SignIn, settings: Settings) -> None:
        self._signin = signin
        self._cookie = settings.cookie_name

    async def known(self, request: Request) -> Session | None:
        """Return who is signed in, if anybody is."""
        token = request.cookies.get(self._cookie)
        return await self._signin.who(token) if token else None

    async def current(self, request: Request) -> Session:
        """Return who is signed in; refuse everybody else, and unsafe requests that another site may have made (S-9)."""
        session = await self.known(request)
        if session is None:
            raise Problem("unauthorized")
        if request.method not in _SAFE:
            given = request.headers.get(CSRF, "")
            if not secrets.compare_digest(given.encode("utf-8", "replace"), session.csrf.encode()):
                raise Problem("forbidden", "The X-CSRF-Token header does not match this sign-in.", field="X-CSRF-Token")
        return session

    def may(self, action: Action, *, reading: Action | None = None) -> Callable[[Request], Awaitable[Session]]:
        """Return a dependency that gives the session of somebody whose role may do *action* (S-7).

        *reading* is what safe methods need instead, so that one dependency can guard a whole router.
        """

        async def allowed(request: Request) -> Session:
            session = await self.current(request)
            needed = reading if reading and request.method in _SAFE else action
            if not may(session.user.role, needed):
                raise Problem("forbidden")
            return session

        return allowed


def session_routes(signin: SignIn, settings: Settings) -> APIRouter:
    """Make the routes of signing in, out, and choosing a password."""
    router = APIRouter(route_class=StrictRoute, tags=["session"])
    guard = Guard(signin, settings)

    def me(session: Session) -> Me:
        user = session.user
        return {
            "id": user.id,
            "name": user.name,
            "email": user.email,
            "role": user.role,
            "csrf": session.csrf,
            "socket": session.socket,
            "dev": settings.dev,
        }

    def enter(response: Response, signed: SignedIn) -> Me:
        response.set_cookie(
            settings.cookie_name,
            signed.token,
            max_age=SESSION,
            path="/",
            secure=settings.secure,
            httponly=True,
            samesite="lax",
        )
        response.headers["cache-control"] = "no-store"
        return me(signed.session)

    @router.get("/api/session")
    async def who(request: Request, response: Response) -> Me:
        """Return who is signed in."""
        response.headers["cache-control"] = "no-store"
        session = await guard.current(request)
        return me(session)

    @router.post("/api/session")
    async def sign_in(request: Request, response: Response, given: Credentials) -> Me:
        """Sign in; a login this browser had ends. Other sites cannot: JSON needs their preflight, which we refuse."""
        address = request.client.host if request.client else "unknown"
        signed = await signin.sign_in(given.email, given.password, address)
        if before := await guard.known(request):
            await signin.sign_out(before)
        return enter(response, signed)

    @router.delete("/api/session", status_code=204)
    async def sign_out(request: Request) -> Response:
        """Sign out; the sockets of this login close."""
        await signin.sign_out(await guard.current(request))
        response = Response(status_code=204)
        response.delete_cookie(settings.cookie_name, path="/", secure=settings.secure, httponly=True, samesite="lax")
        return response

    @router.post("/api/setup")
    async def set_up(response: Response, given: SetPassword) -> Me:
        """Choose a password with a one-time link, and sign in."""
        return enter(response, await signin.set_password(given))

    return router
