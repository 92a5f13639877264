"""Who a visitor is: anonymous by our token, or a user of the site by a short-lived JWT the site signed (S-2)."""

from dataclasses import dataclass

import jwt
from jwt.types import Options

from models.inbound import Profile

MAX_AGE = 300
"""Longest life of a site's JWT in seconds."""


_OPTIONS: Options = {"require": ["exp", "aud", "sub"], "strict_aud": True}


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
    except jwt.InvalidTokenError as error:
        raise IdentityError(type(error).__name__) from None
    if claims["exp"] - now > MAX_AGE:
        raise IdentityError("LivesTooLong")
    if not claims["sub"]:
        raise IdentityError("EmptySubject")
    said = {name: claims.get(name) for name in ("name", "email", "phone_number")}
    name, email, phone = (value if isinstance(value, str) and len(value) < 255 else None for value in said.values())
    return Proven(str(claims["sub"]), Profile(name=name, email=email, phone=phone))
