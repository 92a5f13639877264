"""One run as a few lines of figures."""

from collections.abc import Sequence
from typing import get_args

from tests.faults.findings import Fault, Finding
from tests.faults.killing import Run
from tests.faults.ledger import tally
from tests.faults.outgoing import Verdict


def table(form: str, run: Run, found: Sequence[Finding]) -> str:
    """What happened in *run*, and how often which promise was broken."""
    counts, faults = run.counts, tally(found)
    unsure = sum(row["state"] == "uncertain" for row in run.ledger.rows)
    answers = [f"{counts[verdict]} {verdict}" for verdict in get_args(Verdict)]
    broken = [f"{fault} {faults[fault]}" for fault in get_args(Fault)]
    lines = {
        "faults": ", ".join(f"{times} {kind}" for kind, times in sorted(run.blows.items())) or "none",
        "acks": f"{counts['acked']} messages, {counts['resent']} sent again, {counts['absorbed']} repeats absorbed",
        "texts": f"{counts['texts']} in {counts['webhooks']} webhooks",
        "agents": f"{counts['writes']} writes taken, {counts['refused']} refused",
        "receivers": f"{counts['receivers']} got {counts['received']} messages, {counts['pushed']} by push, "
        f"over {counts['connections']} connections",
        "provider": f"{counts['calls']} calls ({', '.join(answers)}), {unsure} messages uncertain",
        "broken": ", ".join(broken[:9]),
        "": ", ".join(broken[9:]),
    }
    return "\n".join([f"{form}: {run.seconds:.0f} s", *(f"  {name:10}{what}" for name, what in lines.items()), ""])
