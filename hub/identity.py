"""Who a visitor is: anonymous by our token, or a user of the site by a short-lived JWT the site signed (S-2)."""

import re
from dataclasses import dataclass

import jwt
from jwt.types import Options

from models.inbound import Profile
from models.text import clean

MAX_AGE = 300
"""Longest life of a site's JWT in seconds."""
_PHONE = re.compile(r"\+[1-9][0-9]{5,14}")

_OPTIONS: Options = {
    "require": ["exp", "aud", "sub"],
    "strict_aud": True,
    # The times are held against the caller's clock, below.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


class IdentityError(Exception):
    """The site's JWT proves nothing; the message says why, without the token."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A user of the site: ``sub``, and what the site says about them (claims ``name``, ``email``, ``phone_number``)."""

    sub: str
    profile: Profile


def prove(token: str, secret: str, audience: str, now: float) -> Proven:
    """Read a site's JWT: HS256 only, ``exp`` at most five minutes ahead, ``aud`` = the site key."""
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], audience=audience, options=_OPTIONS)
    except (jwt.PyJWTError, ValueError, OverflowError) as error:
        raise IdentityError(type(error).__name__) from None
    exp, *starts = (claims.get(claim, 0) for claim in ("exp", "nbf", "iat"))
    # NaN compares as false, so what is asked is that a time fits, never that it does not.
    if not isinstance(exp, int | float) or not now < exp <= now + MAX_AGE:
        raise IdentityError("ExpiredOrLivesTooLong")
    if not all(isinstance(start, int | float) and start <= now for start in starts):
        raise IdentityError("NotYetValid")
    sub = str(claims["sub"])
    if not sub or clean(sub) != sub:
        raise IdentityError("OddSubject")
    name, email, phone = (_text(claims.get(claim)) for claim in ("name", "email", "phone_number"))
    return Proven(sub, Profile(name=name, email=email, phone=phone if phone and _PHONE.fullmatch(phone) else None))


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) and len(value) < 255 else None
