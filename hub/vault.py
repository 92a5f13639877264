"""What must stay secret or cannot be made up: sealed settings, visitor tokens, signed file addresses.

All keys are derived from one secret, a different one for each purpose. Keys can be rotated: the newest seals and signs,
all of them open and check.
"""

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models.views import VISITOR

USER = "user:"
"""Prefix of the address of a person whom a site's identity token names."""
MAX_SUB = 96
"""UTF-8 bytes of a site's name for a person: its token must stay below 200 characters."""
_FORMAT = b"\x01"
_ID, _NONCE, _RANDOM, _MAC = 4, 12, 32, 32
_ANONYMOUS, _BOUND = "fd1.", "fd1u."


class VaultError(Exception):
    """The key is missing or unreadable, or something was sealed with a key that is not here."""


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    id: bytes
    seal: AESGCM
    visitor: bytes
    bound: bytes
    file: bytes
    mark: bytes


class Vault:
    """Seals, signs and checks. ``Vault(newest, *older)``, each at least 32 bytes."""

    def __init__(self, key: bytes, *older: bytes) -> None:
        if any(len(one) < 32 for one in (key, *older)):
            raise VaultError("a secret key needs at least 32 bytes")
        self._all = tuple(_derive(one) for one in (key, *older))
        self._newest = self._all[0]

    def seal(self, secret: Mapping[str, Any]) -> bytes:
        """Encrypt a JSON object for the database (S-27)."""
        nonce = os.urandom(_NONCE)
        head = _FORMAT + self._newest.id
        return head + nonce + self._newest.seal.encrypt(nonce, orjson.dumps(dict(secret)), head)

    def unseal(self, sealed: bytes) -> dict[str, Any]:
        """Decrypt what :meth:`seal` made; raise :class:`VaultError` if it was changed or its key is not here."""
        head, rest = sealed[: 1 + _ID], sealed[1 + _ID :]
        keys = next((keys for keys in self._all if head == _FORMAT + keys.id), None)
        if keys is None:
            raise VaultError("sealed with a key that is not here: set FRONTDESK_SECRET_KEY to the one used before")
        try:
            opened: dict[str, Any] = orjson.loads(keys.seal.decrypt(rest[:_NONCE], rest[_NONCE:], head))
        except (InvalidTag, ValueError):
            raise VaultError("a sealed value was changed or cut") from None
        return opened

    def mint(self) -> str:
        """Make a new anonymous visitor's token: 256 random bits and our mark, which nobody can make up (S-1)."""
        seed = os.urandom(_RANDOM)
        return _ANONYMOUS + _encode(seed + _mac(self._newest.visitor, seed))

    def bind(self, sub: str, inbox: str) -> str:
        """Make a token for the person whom the site of *inbox* calls *sub*; ``ValueError`` if that is too long."""
        name = sub.encode()
        if not 0 < len(name) <= MAX_SUB:
            raise ValueError(f"sub must have 1 to {MAX_SUB} bytes")
        body = os.urandom(16) + name
        return _BOUND + _encode(_mac(self._newest.bound, inbox.encode() + b"\0" + body) + body)

    def visitor(self, token: str, inbox: str) -> str | None:
        """Return the address a token stands for at *inbox* (an id), or None if we did not make it, or for another."""
        if token.startswith(_BOUND):
            return self._bound(token.removeprefix(_BOUND), inbox)
        raw = _decode(token.removeprefix(_ANONYMOUS)) if token.startswith(_ANONYMOUS) else b""
        if len(raw) != _RANDOM + _MAC:
            return None
        seed, mark = raw[:_RANDOM], raw[_RANDOM:]
        if not any(hmac.compare_digest(mark, _mac(keys.visitor, seed)) for keys in self._all):
            return None
        return VISITOR + hashlib.sha256(seed).hexdigest()[:32]

    def sign_file(self, file_id: str, expires: int | None = None) -> str:
        """Return the signature that opens a file's address, until *expires* (Unix seconds) or for ever."""
        until = expires or 0
        return f"{until}.{_encode(_mac(self._newest.file, f'{file_id}.{until}'.encode()))}"

    def check_file(self, file_id: str, signature: str, now: float) -> bool:
        """Whether *signature* opens this file at *now* (Unix seconds)."""
        until, _, mark = signature.partition(".")
        if not (until.isascii() and until.isdigit() and len(until) < 14) or (int(until) and int(until) < now):
            return False
        body, given = f"{file_id}.{until}".encode("utf-8", "replace"), mark.encode("utf-8", "replace")
        return any(hmac.compare_digest(given, _encode(_mac(keys.file, body)).encode()) for keys in self._all)

    def mark(self, purpose: str, *parts: str) -> str:
        """Return 64 hex digits for *parts* that nobody makes, or reads anything from, without the key."""
        return _mac(self._newest.mark, "\0".join((purpose, *parts)).encode("utf-8", "replace")).hex()

    def _bound(self, text: str, inbox: str) -> str | None:
        raw = _decode(text)
        mark, body = raw[:_MAC], raw[_MAC:]
        signed = inbox.encode() + b"\0" + body
        good = any(hmac.compare_digest(mark, _mac(keys.bound, signed)) for keys in self._all)
        return USER + body[16:].decode() if good and len(body) > 16 else None


def open_vault(secret_key: str | None, key_file: Path) -> Vault:
    """Return the vault of these settings; without a key make one in *key_file*, once, readable by its owner only.

    Raises :class:`VaultError`.
    """
    text = secret_key if secret_key is not None else _kept(key_file)
    keys = [key.encode() for key in text.split()]
    if not keys:
        raise VaultError(f"{key_file.name} holds no key")
    return Vault(*keys)


def _kept(path: Path) -> str:
    """Read the key file, making it first if there is none. Of several processes one makes it and all read that one."""
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        pass
    except (OSError, ValueError):
        raise VaultError(f"{path.name} cannot be read") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text("ascii")


def _publish(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _derive(key: bytes) -> _Keys:
    def sub(purpose: str, size: int = 32) -> bytes:
        return HKDF(SHA256(), size, None, b"frontdesk/1/" + purpose.encode()).derive(key)

    return _Keys(
        id=sub("id", _ID),
        seal=AESGCM(sub("seal")),
        visitor=sub("visitor"),
        bound=sub("bound"),
        file=sub("file"),
        mark=sub("mark"),
    )


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, body, "sha256")


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    """Bytes of canonical base64url, or none: two spellings of one token would be two keys to one door."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        return b""
    return raw if _encode(raw) == text else b""
