"""How much of a run: what ``make test`` has time for, or, with FRONTDESK_TEST_FULL=1, what ``make faults`` runs."""

import os

FULL = os.environ.get("FRONTDESK_TEST_FULL") == "1"


def scaled(quick: int, full: int) -> int:
    """*full* in a full run, else *quick*: repetitions, or seconds a run may take."""
    return full if FULL else quick
