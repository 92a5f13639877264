"""A hub does not carry what it does not use."""

import subprocess
import sys

from hub.lean import UNWANTED


def _loaded(code: str) -> set[str]:
    """Which of the unwanted modules a fresh process has after *code*."""
    ask = f"{code}\nimport sys; print(*[name for name in {UNWANTED!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=True)
    return set(answer.stdout.split())


def test_a_hub_loads_what_it_uses() -> None:
    assert _loaded("import hub.cli; hub.cli.lean.load(); import hub.serving") == set()


def test_without_it_they_are_there() -> None:
    """Or the list would be out of date, and nothing be saved."""
    assert {"aiohttp", "redis"} <= _loaded("import hub.serving")


def test_whoever_wants_one_later_gets_it() -> None:
    code = "from hub import lean; lean.load(); import hub.serving, redis.asyncio, aiohttp; assert redis.Redis"
    assert {"aiohttp", "redis"} <= _loaded(code)
