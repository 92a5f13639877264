"""Refusals on the socket: a code, a sentence, the field that was wrong, and when to try again."""

from pydantic import ValidationError

from models.wire import ErrorBody, ErrorCode

SENTENCES: dict[ErrorCode, str] = {
    "bad_request": "This is not something we understand.",
    "unknown_event": "There is no such event.",
    "too_long": "This text is too long.",
    "unauthorized": "Sign in first.",
    "forbidden": "This is not yours to do.",
    "not_found": "There is no such conversation.",
    "conflict": "This does not fit what the conversation is now.",
    "stale": "Somebody changed this conversation meanwhile.",
    "key_reused": "This client_id was used for another message.",
    "rate_limited": "Too fast. Wait a moment.",
    "origin_not_allowed": "This website may not open this chat.",
    "reload_required": "This page is older or newer than the server. Reload it.",
    "unavailable": "Not stored. Try again in a moment.",
    "opted_out": "This customer does not want messages.",
}


class Refusal(Exception):
    """An expected refusal."""

    def __init__(
        self, code: ErrorCode, message: str = "", *, field: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or SENTENCES[code]
        self.field = field
        self.retry_after = retry_after

    def body(self) -> ErrorBody:
        """The refusal as browsers get it."""
        error: ErrorBody = {"code": self.code, "message": self.message}
        if self.field:
            error["field"] = self.field
        if self.retry_after is not None:
            error["retry_after"] = round(self.retry_after, 2)
        return error


def invalid(error: ValidationError) -> ErrorBody:
    """The first thing wrong with an event's object, naming the field and never its value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    code: ErrorCode = "too_long" if first["type"] == "string_too_long" else "bad_request"
    return {"code": code, "message": first["msg"], "field": ".".join(str(part) for part in first["loc"])}
