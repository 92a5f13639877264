"""What the bot says: choosing a variation, filling in slots."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

Variation = Mapping[str, Any]
PLACE = re.compile(r"\{\{|\}\}|( ?)\{([^\s{}\"':,]+)\}")


def choose(variations: Sequence[Variation], slots: Mapping[str, Any], channel: str, seed: str) -> Variation | None:
    """Return one of the variations that fit best: condition and channel, channel, condition, neither (Rasa's order)."""

    def fits(item: Variation) -> int | None:
        if item["channel"] not in (None, channel):
            return None
        if not all(_equal(slots.get(test["name"]), test["value"]) for test in item["condition"]):
            return None
        return 2 * (item["channel"] is not None) + bool(item["condition"])

    ranked = [(rank, item) for item in variations if (rank := fits(item)) is not None]
    best = [item for rank, item in ranked if rank == max(other for other, _ in ranked)]
    if not best:
        return None
    return best[int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest()) % len(best)]


def render(variation: Variation, slots: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a variation: text with buttons, custom data, image, each by itself as Rasa sends them."""
    messages: list[dict[str, Any]] = []
    buttons = [
        {"title": fill(button["title"], slots), "payload": fill(button.get("payload", ""), slots), "url": button["url"]}
        for button in variation["buttons"]
    ]
    if variation["text"] or buttons:
        messages.append({"text": fill(variation["text"], slots), "buttons": buttons})
    if variation["custom"]:
        messages.append({"custom": fill_tree(variation["custom"], slots)})
    if variation["image"]:
        messages.append({"image": fill(variation["image"], slots)})
    return messages


def fill(text: str, slots: Mapping[str, Any]) -> str:
    """Put slots in: ``{name}``; an empty one is dropped with the blank before it. ``{{`` and ``}}`` are braces."""

    def value(match: re.Match[str]) -> str:
        blank, name = match.groups()
        if name is None:
            return match.group()[0]
        return "" if slots.get(name) is None else f"{blank}{slots[name]}"

    return PLACE.sub(value, text)


def fill_tree(value: Any, slots: Mapping[str, Any]) -> Any:
    """Apply :func:`fill` to every string inside JSON."""
    if isinstance(value, str):
        return fill(value, slots)
    if isinstance(value, list):
        return [fill_tree(item, slots) for item in value]
    if isinstance(value, dict):
        return {key: fill_tree(item, slots) for key, item in value.items()}
    return value


def _equal(held: Any, wanted: Any) -> bool:
    if isinstance(held, str) and isinstance(wanted, str):
        return held.casefold() == wanted.casefold()
    return bool(held == wanted)
