"""A Rasa Open Source server as a bot engine, over HTTP. It keeps the tracker; we hold what it may forget."""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, ValidationError

from bots import BotError, Finding, ProjectError, Report
from bots.embedded.checks import checked
from bots.embedded.serving import language
from models.turns import Answer, BotMessage, HandOver, Reading, Turn

FALLBACK = "nlu_fallback"
INTERNAL = ("requested_slot", "session_started_metadata")
ENTITY = ("entity", "value", "start", "end", "role", "group", "extractor")
UNFILLED = re.compile(r" ?\{[^\W\d]\w*\}")
MEMORY_VERSION = 1
LOAD_LIMIT = 180.0
"""Seconds a model change may take; the server answers nobody meanwhile."""
Json = dict[str, Any]
Method = Literal["GET", "POST", "PUT"]


class Config(BaseModel):
    """Where the server is. ``command`` starts the ``rasa`` program, for training on this machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: HttpUrl
    token: SecretStr | None = None
    limit: float = Field(default=10.0, gt=0, le=60)
    command: tuple[str, ...] = ()


@dataclass(slots=True)
class Loading:
    """How many model changes we asked for are under way: the server answers nobody meanwhile; no failure."""

    count: int = 0


class Server:
    """The HTTP side: one place for addresses, time limits and what each failure means."""

    def __init__(self, config: Config, loading: Loading) -> None:
        self._token = {"token": config.token.get_secret_value()} if config.token else {}
        self._http = httpx.AsyncClient(base_url=str(config.url), timeout=config.limit)
        self._loading = loading

    async def ask(
        self, method: Method, path: str, body: Any = None, events: str = "", limit: float | None = None
    ) -> Any:
        """Return the JSON answer to an API call (None for an empty one), or raise :class:`BotError`."""
        params = {} if path.startswith("/webhooks/") else dict(self._token)
        if events:
            params["include_events"] = events
        extra: Json = {} if limit is None else {"timeout": limit}
        headers = {"Accept": "application/json"}
        try:
            answer = await self._http.request(method, path, params=params, json=body, headers=headers, **extra)
            _refuse(answer)
            return answer.json() if answer.content else None
        except httpx.TimeoutException:
            raise BotError(self.late, f"{method} {_name(path)}: no answer in time") from None
        except httpx.TransportError as error:
            raise BotError("down", f"{method} {_name(path)}: {type(error).__name__}") from None
        except (ValueError, httpx.DecodingError):
            raise BotError("broken", f"{method} {_name(path)}: the answer is not JSON") from None

    @property
    def late(self) -> Literal["busy", "timeout"]:
        """What an answer that does not come means now."""
        return "busy" if self._loading.count else "timeout"

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()


def _refuse(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == 409:
        raise BotError("no_model", "the server has no model loaded")
    if status in (401, 403):
        raise BotError("broken", f"the server refuses us ({status}): check the token")
    if status in (502, 503, 504):
        raise BotError("down", f"the server is unavailable ({status})")
    if status >= 300:
        raise BotError("broken", f"the server answered {status}")


def _name(path: str) -> str:
    return re.sub(r"^/conversations/[^/]+", "/conversations/…", path)


class RasaBot:
    """A bot behind a Rasa server's REST channel."""

    def __init__(self, server: Server, model: str, domain: Mapping[str, Any], limit: float) -> None:
        self._server = server
        self.model = model
        self.limit = limit
        slots = domain.get("slots")
        self._slots = set(slots) if isinstance(slots, dict) else set()
        self._languages = _languages(domain)
        session = domain.get("session_config") or {}
        minutes = session.get("session_expiration_time", 60) if isinstance(session, dict) else 60
        self._session_seconds = minutes * 60 if isinstance(minutes, int | float) else 0

    async def answer(self, turn: Turn) -> Answer:
        """Send one turn. A second call with the same turn is a second message to Rasa: it keeps no turn ids."""
        if self._server.late == "busy":
            raise BotError("busy", "the server is loading a model")
        try:
            async with asyncio.timeout(self.limit):
                return await self._answer(turn)
        except TimeoutError:
            raise BotError(self._server.late, f"no answer within {self.limit:g} s") from None
        except (ValidationError, TypeError, AttributeError, KeyError) as error:
            raise BotError("broken", f"the server's answer has an unknown shape: {type(error).__name__}") from None

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        """Read texts without a conversation."""
        readings = []
        for text in texts:
            said = language.spoken(text)
            found = await self._server.ask("POST", "/model/parse", {"text": said}) if said else {}
            readings.append(_reading(found, text) or Reading(text=text, intent=FALLBACK, confidence=0.0))
        return readings

    async def close(self) -> None:
        """Close connections."""
        await self._server.close()

    async def _answer(self, turn: Turn) -> Answer:
        memory = turn.tracker if turn.tracker and turn.tracker.get("version") == MEMORY_VERSION else {}
        if memory and self._session_seconds and turn.idle_seconds >= self._session_seconds:
            await self._say(turn, "/session_start")
            memory = {"language": memory.get("language")}
        typed = language.spoken(turn.text)
        seen = language.by_script(typed, self._languages) or memory.get("language")
        await self._prepare(turn, memory, seen or language.base(turn.language))
        command = turn.payload if turn.payload and turn.payload.startswith("/") else None
        message = command or language.spoken(turn.payload or "") or typed or f"/{FALLBACK}"
        items = await self._say(turn, message)
        tracker = await self._tracker(turn)
        if not items and tracker["paused"]:
            await self._post(turn, [{"event": "resume"}])
            items, tracker = await self._say(turn, message), await self._tracker(turn)
        heard, gave_up = await self._heard(turn, tracker)
        if not items and not heard:
            await self._server.ask("GET", "/status")
        return _compose(items, tracker, memory, seen, _reading(heard, message) if heard and not gave_up else None)

    async def _heard(self, turn: Turn, tracker: Json) -> tuple[Json | None, bool]:
        """Return how Rasa read our message, and whether it gave up on it.

        The tracker forgets a message that a form took or a fallback reverted; its events do not.
        """
        if _turn_id(tracker["latest_message"]) == turn.id:
            return tracker["latest_message"], False
        whole = await self._tracker(turn, "AFTER_RESTART")
        events = [event for event in whole.get("events") or [] if isinstance(event, dict)]
        later: set[Any] = set()
        for event in reversed(events):
            if event.get("event") == "user" and _turn_id(event) == turn.id:
                return event["parse_data"], "action_default_fallback" in later
            later.add(event.get("name"))
        return None, False

    async def _say(self, turn: Turn, message: str) -> list[Any]:
        facts = {"turn": turn.id, "language": turn.language, "attributes": turn.attributes}
        body = {"sender": turn.conversation, "message": message, "metadata": facts}
        if turn.channel:
            body["input_channel"] = turn.channel
        items = await self._server.ask("POST", "/webhooks/rest/webhook", body)
        if not isinstance(items, list):
            raise BotError("broken", "the webhook did not answer with a list")
        return items

    async def _prepare(self, turn: Turn, memory: Mapping[str, Any], spoken: str | None) -> None:
        """Post the slots that people set, the language, and all that we hold if the server forgot the conversation."""
        held: Mapping[str, Any] = memory.get("slots") or {}
        events: list[Json] = []
        if held or memory.get("loop"):
            tracker = await self._tracker(turn)
            if not tracker["latest_message"].get("text"):
                events += [_slot(name, value) for name, value in held.items()]
                if memory.get("loop"):
                    events.append({"event": "active_loop", "name": memory["loop"]})
                    events.append(_slot("requested_slot", memory.get("requested")))
        wanted = dict(turn.slots)
        if spoken and held.get("language") != spoken:
            wanted["language"] = spoken
        events += [_slot(name, value) for name, value in wanted.items() if name in self._slots]
        if events:
            await self._post(turn, events)

    async def _post(self, turn: Turn, events: list[Json]) -> None:
        await self._server.ask(
            "POST", f"/conversations/{quote(turn.conversation, safe='')}/tracker/events", events, "NONE"
        )

    async def _tracker(self, turn: Turn, events: str = "NONE") -> Json:
        found = await self._server.ask(
            "GET", f"/conversations/{quote(turn.conversation, safe='')}/tracker", events=events
        )
        if not isinstance(found, dict) or not isinstance(found.get("latest_message"), dict):
            raise BotError("broken", "the tracker has an unknown shape")
        return found


def _languages(domain: Mapping[str, Any]) -> list[str]:
    """Return the languages that responses are conditioned on, and English for the rest: the server does not say."""
    found = ["en"]
    for variations in (domain.get("responses") or {}).values():
        tests = [test for variation in variations for test in variation.get("condition") or []]
        found += [str(test["value"]) for test in tests if test["name"] == "language"]
    return list(dict.fromkeys(found))


def _tracker_of(turn: Turn) -> str:
    return f"/conversations/{quote(turn.conversation, safe='')}/tracker"


def _slot(name: str, value: Any) -> Json:
    return {"event": "slot", "name": name, "value": value}


def _turn_id(message: Mapping[str, Any]) -> Any:
    return (message.get("metadata") or {}).get("turn")


def _compose(
    items: list[Any], tracker: Json, memory: Mapping[str, Any], seen: str | None, reading: Reading | None
) -> Answer:
    slots = {name: value for name, value in tracker["slots"].items() if value is not None and name not in INTERNAL}
    requested, asked = tracker["slots"].get("requested_slot"), memory.get("requested")
    messages, wish = _messages(items)
    missed = reading is None or reading.intent == FALLBACK
    taken = asked is not None and slots.get(asked) not in (None, (memory.get("slots") or {}).get(asked))
    loop = (tracker.get("active_loop") or {}).get("name")
    state = {"slots": slots, "loop": loop, "requested": requested, "language": seen}
    return Answer(
        messages=messages,
        tracker={"version": MEMORY_VERSION, **state},
        slots=slots,
        hand_over=wish,
        reading=reading,
        fallback=(missed and not taken) or not items,
        waiting_for=requested,
    )


def _messages(items: list[Any]) -> tuple[list[BotMessage], HandOver | None]:
    messages: list[BotMessage] = []
    wish: HandOver | None = None
    for item in items:
        custom, attachment = item.get("custom"), item.get("attachment")
        if isinstance(custom, dict) and isinstance(custom.get("hand_over"), dict):
            asked = custom["hand_over"]
            wish = HandOver(reason=str(asked.get("reason") or "asked for a person"), team=asked.get("team"))
            continue
        facts = {
            "text": UNFILLED.sub("", item.get("text") or ""),
            "buttons": [_button(button) for button in item.get("buttons") or []],
            "image": item.get("image"),
            "custom": custom or ({"attachment": attachment} if attachment else None),
        }
        if any(facts.values()):
            messages.append(BotMessage.model_validate(facts))
    return messages, wish


def _button(button: Mapping[str, Any]) -> Json:
    return {"title": button["title"], "payload": button.get("payload") or "", "url": button.get("url")}


def _reading(found: Mapping[str, Any], text: str) -> Reading | None:
    intent = found.get("intent") or {}
    if not intent.get("name"):
        return None
    unique: dict[Any, Json] = {}
    for item in found.get("entities") or []:
        span = tuple(item.get(part) for part in ("entity", "start", "end", "role", "group"))
        unique.setdefault(span, {part: item[part] for part in ENTITY if part in item})
    ranking = [{"name": row["name"], "confidence": row["confidence"]} for row in found.get("intent_ranking") or []]
    facts = {"text": found.get("text") or text, "intent": intent["name"], "confidence": intent.get("confidence") or 0.0}
    return Reading.model_validate(facts | {"ranking": ranking, "entities": list(unique.values())})


class RasaEngine:
    """Kind ``rasa``: someone else's server; models live there."""

    kind = "rasa"

    def __init__(self, config: Config) -> None:
        self._config = config
        self._loading = Loading()

    def check(self, project: Path) -> list[Finding]:
        """Return what is wrong with the project; remarks about the built-in engine's substitutions do not apply."""
        return [finding for finding in checked(project).remarks.findings if finding.level == "error"]

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        """Run ``<command> train``; ``open`` then makes the server load the result. Refused without a command."""
        findings = await asyncio.to_thread(self.check, project)
        if findings:
            raise ProjectError(findings)
        if not self._config.command:
            raise BotError("broken", "run 'rasa train' on the Rasa server's machine, or set 'command' to its program")
        started = time.monotonic()
        version = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        name = f"{project.name or 'assistant'}-{version}"
        progress("rasa train")
        status = await self._run(project, ["train", "--out", _absolute(out), "--fixed-model-name", name])
        model = out / f"{name}.tar.gz"
        if status or not await asyncio.to_thread(model.is_file):
            raise BotError("broken", f"rasa train failed with status {status}; its output is above")
        return Report(model, version, round(time.monotonic() - started, 3))

    async def _run(self, project: Path, arguments: list[str]) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._config.command, *arguments, cwd=project, stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr.fileno()
        )
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def open(self, model: Path) -> RasaBot:
        """Connect. A model that is a file is loaded first (the server must see it), else the server's own serves."""
        server = Server(self._config, self._loading)
        try:
            if await asyncio.to_thread(model.is_file):
                await self._load(server, model)
            status = await server.ask("GET", "/status")
            domain = await server.ask("GET", "/domain")
            if not isinstance(status, dict) or not isinstance(domain, dict):
                raise BotError("broken", "this is no Rasa server")
        except BaseException:
            await server.close()
            raise
        return RasaBot(server, str(status.get("model_id") or ""), domain, self._config.limit)

    async def _load(self, server: Server, model: Path) -> None:
        self._loading.count += 1
        try:
            await server.ask("PUT", "/model", {"model_file": _absolute(model)}, limit=LOAD_LIMIT)
        finally:
            self._loading.count -= 1


def _absolute(path: Path) -> str:
    return str(path.absolute())


def create(config: Mapping[str, Any]) -> RasaEngine:
    """Return the engine. Keys: ``url``, ``token``, ``limit`` (seconds a turn, 10), ``command`` (what trains)."""
    parsed = Config.model_validate(config)
    if parsed.token:
        # Rasa takes its token in the address only, and httpx logs addresses at INFO.
        logging.getLogger("httpx").setLevel(logging.WARNING)
    return RasaEngine(parsed)
