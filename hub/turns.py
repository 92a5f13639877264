"""Takes a bot's turn: asks the bot outside any transaction, under a time limit, and stores what it says."""

import asyncio
import logging
from dataclasses import dataclass, replace

from bots import Bot, BotError
from hub import words
from hub.aftermath import Aftermath
from hub.emitter import Publisher
from hub.registry import LiveInbox, Registry
from hub.worker import Retry
from models import answers, outbox
from models.answers import Answered, BotAnswer, Context
from models.book import Promise
from models.db import Database, DatabaseUnavailableError
from models.turns import Answer, BotMessage, HandOver
from models.wire import Author, TypingEvent

BUSY_RETRY = 2.0
BUSY_LIMIT = 60.0
"""Seconds a bot may be busy loading a model before that counts as a failure."""
THINKING = 0.05
"""Seconds after which the customer is told that the bot is thinking, and between two looks at who is still asked."""
GRACE = 1.0
"""Seconds a bot may take beyond its own limit before it is cut off."""

_log = logging.getLogger("frontdesk.turns")


@dataclass(slots=True)
class _Asked:
    """A bot that is being asked, by which task, and until when."""

    context: Context
    bot: Author
    task: "asyncio.Task[None]"
    since: float
    until: float
    told: bool = False
    late: bool = False


class TurnTaker:
    """Handler of ``turn`` promises. Every turn ends in an answer or with a person (INV-13)."""

    def __init__(self, db: Database, registry: Registry, aftermath: Aftermath, out: Publisher, owner: str) -> None:
        self._db = db
        self._registry = registry
        self._aftermath = aftermath
        self._out = out
        self._owner = owner
        self._busy: dict[str, float] = {}
        self._asked: dict[str, _Asked] = {}
        self._looking = False

    async def take(self, promise: Promise) -> Retry | None:
        """Answer one turn; a late answer is refused by the conversation's version."""
        context: Context | None = promise.context
        if context is None:
            context = await self._db.read(answers.context, promise.id, promise.conversation, promise.seq)
        live = self._registry.inbox(context.inbox) if context else None
        if context is None or live is None or not context.mine:
            await self._db.write(outbox.keep, promise.id, promise.conversation)
            return None
        bot = self._registry.bot(live.id)
        name: Author = {"id": live.id, "name": getattr(live.config, "bot_name", None) or live.inbox.name}
        try:
            answer, failed = await self._ask(bot, context, live, name)
        except BotError as busy:
            if self._still_waiting(promise.id):
                return Retry(BUSY_RETRY, busy.kind, free=True)
            answer, failed = _apology(context), True
        self._busy.pop(promise.id, None)
        arg = BotAnswer(
            promise=promise.id,
            conversation=promise.conversation,
            seq=promise.seq,
            version=context.version,
            answer=_with_words(answer, context),
            model=bot.model if bot else "",
            bot=name,
            deliver=live.delivers,
            owner=self._owner,
            failed=failed,
            seen=context.row,
        )
        done = await self._store(arg, context)
        self._aftermath.of(done.change)
        return None

    async def give_up(self, promise: Promise) -> None:
        """A turn that cannot be taken brings a person."""
        arg = (promise.conversation, promise.seq)
        self._aftermath.of(await self._db.write(answers.abandon, arg, promise.conversation))

    async def _store(self, arg: BotAnswer, context: Context) -> Answered:
        """Store an answer; one that cannot be stored counts as a failed turn."""
        # The key of what this customer says: a turn promised meanwhile knows this answer, or comes to hand before it.
        try:
            return await self._db.write(answers.answer, arg, context.identity)
        except DatabaseUnavailableError:
            raise
        except Exception:
            _log.exception("turn %s: the bot's answer cannot be stored", arg.promise)
        sorry = replace(arg, answer=_apology(context), failed=True, seen=None)
        return await self._db.write(answers.answer, sorry, context.identity)

    async def _ask(self, bot: Bot | None, context: Context, live: LiveInbox, name: Author) -> tuple[Answer, bool]:
        """The bot's answer, or the hub's own; raises only ``BotError`` of kind busy."""
        if bot is None:
            return Answer(hand_over=HandOver(reason="no_bot")), False
        turn = context.turn.model_copy(update={"channel": live.inbox.kind})
        asked = self._watch(context, name, bot.limit + GRACE)
        try:
            return await bot.answer(turn), False
        except BotError as error:
            if error.kind == "busy":
                raise
            _log.warning("turn %s: bot %s", turn.id, error.kind)
        except (TimeoutError, asyncio.CancelledError) as end:
            if isinstance(end, asyncio.CancelledError) and not asked.late:
                raise  # the hub is stopping
            _log.warning("turn %s: bot timeout", turn.id)
        except Exception:
            _log.exception("turn %s: bot broken", turn.id)
        finally:
            self._unwatch(asked)
        return _apology(context), True

    # --- bots that take their time ---------------------------------------------------------------------------------
    # One look at all of them now and then: most answer before the first, and a timer for each would cost more than
    # all else this file does.

    def _watch(self, context: Context, bot: Author, limit: float) -> _Asked:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has one
        loop = task.get_loop()
        now = loop.time()
        asked = self._asked[context.turn.id] = _Asked(context, bot, task, now, now + limit)
        if not self._looking:
            self._looking = True
            loop.call_later(THINKING, self._look)
        return asked

    def _unwatch(self, asked: _Asked) -> None:
        del self._asked[asked.context.turn.id]
        if asked.late:
            asked.task.uncancel()
        if asked.told:
            self._typing(asked, on=False)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for asked in self._asked.values():
            if not asked.told and now - asked.since >= THINKING:
                asked.told = True
                self._typing(asked, on=True)
            if not asked.late and now >= asked.until:
                asked.late = True
                asked.task.cancel()
        self._looking = bool(self._asked)
        if self._looking:
            loop.call_later(THINKING, self._look)

    def _typing(self, asked: _Asked, *, on: bool) -> None:
        event: TypingEvent = {
            "conversation": asked.context.turn.conversation, "sender": "bot", "name": asked.bot["name"], "on": on
        }  # fmt: skip
        self._out.to_visitor(asked.context.identity, "typing", event)

    def _still_waiting(self, promise: str) -> bool:
        now = asyncio.get_running_loop().time()
        since = self._busy.setdefault(promise, now)
        if now - since < BUSY_LIMIT:
            return True
        del self._busy[promise]
        return False


def _apology(context: Context) -> Answer:
    return Answer(
        messages=[BotMessage(text=words.say(words.APOLOGY, context.turn.language))], tracker=context.turn.tracker
    )


def _with_words(answer: Answer, context: Context) -> Answer:
    """A bot that hands over without a word leaves the customer wondering: say it for the bot."""
    if answer.hand_over and not answer.messages:
        told = BotMessage(text=words.say(words.CONNECTING, context.turn.language))
        return answer.model_copy(update={"messages": [told]})
    return answer
