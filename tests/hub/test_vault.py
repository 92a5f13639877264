"""Nothing sealed can be read or changed, nothing signed can be made up, and keys can be rotated."""

import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.vault import MAX_SUB, Vault, VaultError, open_vault
from models.views import VISITOR

KEY, OTHER = b"k" * 32, b"o" * 32
VAULT = Vault(KEY)


def test_what_is_sealed_comes_back_and_cannot_be_read() -> None:
    # S-27
    secret = {"auth_token": ["canary-1", "canary-2"], "n": 1}
    sealed = VAULT.seal(secret)
    assert VAULT.unseal(sealed) == secret
    assert b"canary" not in sealed
    assert VAULT.seal(secret) != sealed


def test_every_changed_byte_is_noticed() -> None:
    # S-27
    sealed = VAULT.seal({"a": "b"})
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(VaultError):
            VAULT.unseal(changed)
    for cut in range(len(sealed)):
        with pytest.raises(VaultError):
            VAULT.unseal(sealed[:cut])


def test_keys_rotate() -> None:
    # S-27
    old, both = Vault(KEY), Vault(OTHER, KEY)
    sealed, token, bound, file = old.seal({"a": 1}), old.mint(), old.bind("u1", "i1"), old.sign_file("f1")
    assert both.unseal(sealed) == {"a": 1}
    assert both.visitor(token, "i1") == old.visitor(token, "i1") is not None
    assert both.visitor(bound, "i1") == "user:u1"
    assert both.check_file("f1", file, 0)
    only_new = Vault(OTHER)
    assert only_new.unseal(both.seal({"a": 2})) == {"a": 2}
    assert only_new.visitor(both.mint(), "i1")
    with pytest.raises(VaultError, match="FRONTDESK_SECRET_KEY"):
        only_new.unseal(sealed)
    assert only_new.visitor(token, "i1") is None
    assert not only_new.check_file("f1", file, 0)


def test_a_minted_token_stands_for_one_visitor() -> None:
    # S-1
    tokens = [VAULT.mint() for _ in range(100)]
    addresses = [VAULT.visitor(token, "i1") for token in tokens]
    assert len(set(addresses)) == 100
    assert VAULT.visitor(tokens[0], "i1") == addresses[0]
    assert all(address and address.startswith(VISITOR) and len(address) == len(VISITOR) + 32 for address in addresses)
    assert all(len(token) <= 200 and token.startswith("fd1.") for token in tokens)
    assert not any(
        address.removeprefix(VISITOR) in token for token, address in zip(tokens, addresses, strict=True) if address
    )


@pytest.mark.parametrize("token", [VAULT.mint(), VAULT.bind("someone", "i1")], ids=["minted", "bound"])
def test_a_token_with_one_changed_or_missing_character_is_refused(token: str) -> None:
    # S-1, and only one spelling opens the door
    assert VAULT.visitor(token, "i1")
    for place in range(len(token)):
        for other in {"A", "_", "-", "=", ".", "+", "/", " ", "é"} - {token[place]}:
            assert VAULT.visitor(token[:place] + other + token[place + 1 :], "i1") is None
    for end in range(len(token)):
        assert VAULT.visitor(token[:end], "i1") is None
    for more in ("A", "=", "\n"):
        assert VAULT.visitor(token + more, "i1") is None


@given(
    st.one_of(
        st.text(max_size=200), st.text(max_size=120).map("fd1.{}".format), st.text(max_size=120).map("fd1u.{}".format)
    )
)
def test_made_up_tokens_are_refused(token: str) -> None:
    # S-1
    assert VAULT.visitor(token, "i1") is None


def test_a_token_of_another_hub_is_refused() -> None:
    assert VAULT.visitor(Vault(OTHER).mint(), "i1") is None
    assert VAULT.visitor(Vault(OTHER).bind("u", "i1"), "i1") is None


def test_a_bound_token_counts_at_its_inbox_only() -> None:
    # S-2: the site of one inbox must not name people of another.
    token = VAULT.bind("42", "i1")
    assert VAULT.visitor(token, "i1") == "user:42"
    assert VAULT.visitor(token, "i2") is None
    assert VAULT.bind("42", "i1") != token


@pytest.mark.parametrize("sub", ["x" * MAX_SUB, "名" * (MAX_SUB // 3)])
def test_the_longest_name_fits_the_wire(sub: str) -> None:
    token = VAULT.bind(sub, "i" * 32)
    assert len(token) <= 200
    assert VAULT.visitor(token, "i" * 32) == f"user:{sub}"


@pytest.mark.parametrize("sub", ["", "x" * (MAX_SUB + 1), "名" * (MAX_SUB // 3 + 1), "\ud800"])
def test_a_name_that_does_not_fit_is_refused(sub: str) -> None:
    with pytest.raises(ValueError, match=r"sub must|surrogates"):
        VAULT.bind(sub, "i1")


def test_file_signatures_open_one_file_for_a_time() -> None:
    # S-1
    for_ever, short = VAULT.sign_file("f1"), VAULT.sign_file("f1", 1_000)
    assert VAULT.check_file("f1", for_ever, 9e12)
    assert VAULT.check_file("f1", short, 1_000)
    assert not VAULT.check_file("f1", short, 1_001)
    assert not VAULT.check_file("f2", for_ever, 0)
    mark = short.partition(".")[2]
    for forged in (
        "",
        ".",
        "0",
        "0.",
        f"0.{mark}",
        f"9999.{mark}",
        f"-1.{mark}",
        f"٣.{mark}",
        f"1000.{mark}x",
        mark,
        "1000.é",
    ):
        assert not VAULT.check_file("f1", forged, 0)


def test_purposes_do_not_mix() -> None:
    marks = {
        VAULT.mark("socket", "a"),
        VAULT.mark("attempt", "a"),
        VAULT.mark("socket", "b"),
        VAULT.mark("socket", "a", ""),
    }
    assert len(marks) == 4
    assert all(len(mark) == 64 for mark in marks)


def test_the_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret.key"
    sealed = open_vault(None, path).seal({"a": 1})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_vault(None, path).unseal(sealed) == {"a": 1}
    assert [file.name for file in path.parent.iterdir()] == ["secret.key"]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    tokens: list[str] = []
    threads = [
        threading.Thread(target=lambda: tokens.append(open_vault(None, tmp_path / "k").mint())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    vault = open_vault(None, tmp_path / "k")
    assert len(tokens) == 8
    assert all(vault.visitor(token, "i1") for token in tokens)


def test_a_key_may_come_from_the_settings_several_at_a_time(tmp_path: Path) -> None:
    sealed = open_vault("a" * 32, tmp_path / "none").seal({"a": 1})
    assert open_vault("b" * 32 + " " + "a" * 32, tmp_path / "none").unseal(sealed) == {"a": 1}
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40])
def test_a_damaged_key_file_is_said_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    with pytest.raises(VaultError):
        open_vault(None, path)
    assert path.read_bytes() == content
