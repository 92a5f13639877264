"""A site's word about its user: every way to forge, stretch or borrow it (S-2)."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hub.identity import MAX_AGE, IdentityError, prove

SECRET = "s" * 64
KEY = "shop"
NOW = 1_800_000_000.0
GOOD = {"sub": "u-1", "aud": KEY, "exp": int(NOW) + 240}


def _sign(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm=algorithm)


def _by_hand(header: dict[str, Any], payload: str, secret: bytes = SECRET.encode()) -> str:
    """A token no library would make."""
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (json.dumps(header).encode(), payload.encode())]
    body = b".".join(parts)
    mark = base64.urlsafe_b64encode(hmac.digest(secret, body, hashlib.sha256)).rstrip(b"=")
    return (body + b"." + mark).decode()


def _payload(**claims: Any) -> str:
    return json.dumps({**GOOD, **claims})


def _without(name: str) -> dict[str, Any]:
    return {claim: value for claim, value in GOOD.items() if claim != name}


_PUBLIC = (
    rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)
HS = {"alg": "HS256", "typ": "JWT"}
FORGED = {
    "nothing": "",
    "no token": "a.b.c",
    "none": _by_hand({"alg": "none"}, _payload()).rpartition(".")[0] + ".",
    "None": _by_hand({"alg": "None"}, _payload()),
    "none, signed": _by_hand({"alg": "none"}, _payload()),
    "another algorithm of the family": _sign(GOOD, algorithm="HS512"),
    "RS256 in name": _by_hand({"alg": "RS256"}, _payload()),
    "signed with a public key": _by_hand(HS, _payload(), _PUBLIC),
    "a key of the forger's in the header": _by_hand({**HS, "jwk": {"kty": "oct", "k": "eA"}}, _payload(), b"x"),
    "critical extensions": _by_hand({**HS, "crit": ["b64"], "b64": False}, _payload()),
    "another secret": _sign(GOOD, "t" * 64),
    "expired": _sign({**GOOD, "exp": int(NOW) - 1}),
    "lives too long": _sign({**GOOD, "exp": int(NOW) + MAX_AGE + 60}),
    "lives for ever": _sign({**GOOD, "exp": 2**53}),
    "not yet valid": _sign({**GOOD, "nbf": int(NOW) + 200}),
    "made in the future": _sign({**GOOD, "iat": int(NOW) + 200}),
    "a text for a start": _by_hand(HS, _payload(nbf=str(int(NOW)))),
    "NaN for a start": _by_hand(HS, _payload(nbf=float("nan"))),
    "for another inbox": _sign({**GOOD, "aud": "other"}),
    "for several inboxes": _sign({**GOOD, "aud": [KEY, "other"]}),
    "for nobody": _sign(_without("aud")),
    "without an end": _sign(_without("exp")),
    "without a name": _sign(_without("sub")),
    "an empty name": _sign({**GOOD, "sub": ""}),
    "a name with NUL": _by_hand(HS, _payload(sub="u\x00")),
    "half a surrogate": _by_hand(HS, _payload(sub="u\ud800")),
    "a number for a name": _by_hand(HS, _payload(sub=7)),
    "a text for an end": _by_hand(HS, _payload(exp=str(int(NOW) + 240))),
    "NaN for an end": _by_hand(HS, _payload(exp=float("nan"))),
    "an infinite end": _by_hand(HS, _payload(exp=float("inf"))),
    "a list": _by_hand(HS, "[]"),
    "no JSON": _by_hand(HS, "{"),
    "cut": _sign(GOOD)[:-4],
    "cut before the signature": _sign(GOOD).rpartition(".")[0],
    "an empty signature": _sign(GOOD).rpartition(".")[0] + ".",
    "not ASCII": _sign(GOOD) + "é",
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_what_proves_nothing(token: str) -> None:
    with pytest.raises(IdentityError) as caught:
        prove(token, SECRET, KEY, NOW)
    assert token == "" or token not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_good_token_names_its_user() -> None:
    claims = {**GOOD, "name": "Ann\x00", "email": "ann@example.com", "phone_number": "+15005550001"}
    who = prove(_sign(claims), SECRET, KEY, NOW)
    assert who.sub == "u-1"
    assert (who.profile.name, who.profile.email, who.profile.phone) == ("Ann", "ann@example.com", "+15005550001")


@pytest.mark.parametrize("phone", ["5005550001", "+1 500 555 0001", "+1500555000100000000", "x" * 200, 7, None, ["+1"]])
def test_a_number_that_is_none_is_left_out(phone: Any) -> None:
    """Equal numbers make one record, so only the one spelling counts."""
    assert prove(_sign({**GOOD, "phone_number": phone}), SECRET, KEY, NOW).profile.phone is None


def test_every_changed_character_of_a_token_spoils_it() -> None:
    token = _sign(GOOD)
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(IdentityError):
            prove(token[:place] + other + token[place + 1 :], SECRET, KEY, NOW)
