"""The role matrix, cell by cell (S-7): written out here a second time, so that a slip in the table is seen."""

from typing import get_args

import pytest

from hub.roles import Action, Actor, may

MATRIX = """
               agent supervisor trainer admin visitor bot channel
read             x       x         x      x      .     .     .
reply            x       x         .      x      .     .     .
note             x       x         x      x      .     .     .
own              x       x         .      x      .     .     .
edit_contact     x       x         .      x      .     .     .
link             x       x         .      x      .     .     .
upload           x       x         .      x      x     .     .
report           .       x         x      x      .     .     .
train            .       .         x      x      .     .     .
promote          .       .         x      x      .     .     .
simulate         .       .         .      x      .     .     .
configure        .       .         .      x      .     .     .
manage_users     .       .         .      x      .     .     .
export           .       .         .      x      .     .     .
erase            .       .         .      x      .     .     .
send             .       .         .      .      x     .     .
rate             .       .         .      .      x     .     .
answer           .       .         .      .      .     x     .
hand_over        .       .         .      .      .     x     .
receive          .       .         .      .      .     .     x
"""
HEAD, *ROWS = [line.split() for line in MATRIX.strip().splitlines()]
CELLS = [(actor, row[0], cell == "x") for row in ROWS for actor, cell in zip(HEAD, row[1:], strict=True)]


@pytest.mark.parametrize(("actor", "action", "allowed"), CELLS)
def test_cell(actor: Actor, action: Action, allowed: bool) -> None:
    # S-7
    assert may(actor, action) is allowed


def test_no_actor_and_no_action_is_left_out() -> None:
    # S-7
    actors = {name for part in get_args(Actor) for name in (get_args(part) or (part,))}
    assert set(HEAD) == actors
    assert [row[0] for row in ROWS] == list(get_args(Action))


def test_a_role_nobody_knows_may_nothing() -> None:
    # S-7: a row written by hand into the database
    assert not any(may("root", action) for action in get_args(Action))  # type: ignore[arg-type]  # that is the point
