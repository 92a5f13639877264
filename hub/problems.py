"""What a refused HTTP request is told: RFC 9457 problems with our error codes and the field, never a traceback."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub import strictjson
from hub.refusals import SENTENCES, Refusal
from models.db import DatabaseUnavailableError
from models.http import Problem as Body
from models.wire import ErrorCode

MAX_BODY = 64 << 10
"""Bytes of a JSON request."""

_STATUS: dict[ErrorCode, int] = {
    "bad_request": 400,
    "unknown_event": 400,
    "too_long": 413,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "stale": 409,
    "key_reused": 409,
    "rate_limited": 429,
    "origin_not_allowed": 403,
    "reload_required": 409,
    "unavailable": 503,
    "opted_out": 409,
}
_CODES: dict[int, ErrorCode] = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    413: "too_long",
    429: "rate_limited",
    503: "unavailable",
}


class Problem(HTTPException):
    """A refusal. ``field`` names what is wrong in the request; ``retry_after`` is in seconds."""

    def __init__(
        self,
        code: ErrorCode,
        detail: str = "",
        *,
        field: str | None = None,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(status or _STATUS[code], detail or SENTENCES[code])
        self.code = code
        self.field = field
        self.retry_after = retry_after


def response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """Return the problem document."""
    body: Body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": problem.detail,
        "code": problem.code,
    }
    given = dict(headers or {})
    if problem.field is not None:
        body["field"] = problem.field
    if problem.retry_after is not None:
        body["retry_after"] = problem.retry_after
        given["retry-after"] = str(max(1, round(problem.retry_after)))
    return JSONResponse(body, problem.status_code, given, media_type="application/problem+json")


def install(app: FastAPI) -> None:
    """Make *app* answer every refusal and fault as a problem."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(DatabaseUnavailableError, _unavailable)
    app.add_exception_handler(Exception, _fault)


async def _refused(_request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return response(error)
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is installed for
    status = error.status_code
    problem = Problem(_CODES.get(status, "bad_request"), str(error.detail), status=status)
    return response(problem, dict(error.headers or {}))


async def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - what it is installed for
    return response(Problem(error.code, error.message, field=error.field, retry_after=error.retry_after))


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is installed for
    return response(_first_wrong(error))


def _first_wrong(error: RequestValidationError) -> Problem:
    """Name the first wrong field, without the part of the request it lies in and without what was sent."""
    wrong = error.errors()[0]
    field = ".".join(str(part) for part in wrong["loc"][1:]) or str(wrong["loc"][0])
    said = str(wrong["msg"]).removeprefix("Value error, ")
    code: ErrorCode = "too_long" if wrong["type"] == "string_too_long" else "bad_request"
    return Problem(code, said, field=field, status=400)


async def _unavailable(_request: Request, _error: Exception) -> Response:
    return response(Problem("unavailable", retry_after=2))


async def _fault(_request: Request, _error: Exception) -> Response:
    """Say no more than that it is ours; the server logs the fault itself, once."""
    return response(Problem("unavailable", "Something went wrong on our side.", status=500))


class StrictRequest(Request):
    """A request whose JSON means one thing only, and is not long."""

    async def body(self) -> bytes:
        """Read the body; refuse it as soon as it is too long."""
        if not hasattr(self, "_body"):
            chunks = bytearray()
            async for chunk in self.stream():
                chunks += chunk
                if len(chunks) > MAX_BODY:
                    raise Problem("too_long", f"a request has at most {MAX_BODY} bytes")
            self._body = bytes(chunks)
        return self._body

    async def json(self) -> Any:
        """Parse the body strictly (S-16)."""
        try:
            return strictjson.loads(await self.body())
        except ValueError as error:
            raise Problem("bad_request", str(error), field="body") from None


class StrictRoute(APIRoute):
    """For ``APIRouter(route_class=…)``: bodies are declared as ever and read by :class:`StrictRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler, given a strict request."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            if "\x00" in request.scope["path"]:
                raise Problem("not_found")
            if b"%00" in request.scope["query_string"]:
                raise Problem("bad_request", "NUL is no text", field="query")
            return await handle(StrictRequest(request.scope, request.receive))

        return strictly
