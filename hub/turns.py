"""Takes a bot's turn: asks the bot outside any transaction, under a time limit, and stores what it says."""

import asyncio
import logging

from bots import Bot, BotError
from hub import words
from hub.aftermath import Aftermath
from hub.emitter import Publisher
from hub.registry import LiveInbox, Registry
from hub.worker import Retry
from models import answers, outbox
from models.answers import BotAnswer, Context
from models.book import Promise
from models.db import Database
from models.turns import Answer, BotMessage, HandOver
from models.wire import Author, TypingEvent

BUSY_RETRY = 2.0
BUSY_LIMIT = 60.0
"""Seconds a bot may be busy loading a model before that counts as a failure."""

_log = logging.getLogger("frontdesk.turns")


class TurnTaker:
    """Handler of ``turn`` promises. Every turn ends in an answer or with a person (INV-13)."""

    def __init__(self, db: Database, registry: Registry, aftermath: Aftermath, out: Publisher, owner: str) -> None:
        self._db = db
        self._registry = registry
        self._aftermath = aftermath
        self._out = out
        self._owner = owner
        self._busy: dict[str, float] = {}

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
        self._typing(context, name, on=True)
        try:
            answer, failed = await self._ask(bot, context, live)
        except BotError as busy:
            if not self._still_waiting(promise.id):
                answer, failed = _apology(context), True
            else:
                return Retry(BUSY_RETRY, busy.kind, free=True)
        finally:
            self._typing(context, name, on=False)
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
        done = await self._db.write(answers.answer, arg, promise.conversation)
        self._aftermath.of(done.change)
        return None

    async def _ask(self, bot: Bot | None, context: Context, live: LiveInbox) -> tuple[Answer, bool]:
        """The bot's answer, or the hub's own; raises only ``BotError`` of kind busy."""
        if bot is None:
            return Answer(hand_over=HandOver(reason="no_bot")), False
        turn = context.turn.model_copy(update={"channel": live.inbox.kind})
        try:
            async with asyncio.timeout(bot.limit + 1.0):
                return await bot.answer(turn), False
        except BotError as error:
            if error.kind == "busy":
                raise
            _log.warning("turn %s: bot %s", turn.id, error.kind)
        except TimeoutError:
            _log.warning("turn %s: bot timeout", turn.id)
        except Exception:
            _log.exception("turn %s: bot broken", turn.id)
        return _apology(context), True

    def _still_waiting(self, promise: str) -> bool:
        now = asyncio.get_running_loop().time()
        since = self._busy.setdefault(promise, now)
        if now - since < BUSY_LIMIT:
            return True
        del self._busy[promise]
        return False

    def _typing(self, context: Context, bot: Author, *, on: bool) -> None:
        event: TypingEvent = {
            "conversation": context.turn.conversation, "sender": "bot", "name": bot["name"], "on": on
        }  # fmt: skip
        self._out.to_visitor(context.identity, "typing", event)


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
