"""Settings: the environment wins over the file, and a wrong one is named at the start."""

import os
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.settings import Settings, SettingsError, is_loopback, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("FRONTDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_default_is_safe() -> None:
    # S-37
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.dev is False
    assert settings.metrics_token is None
    assert settings.trusted_proxies == []
    assert settings.synchronous == "FULL"
    assert settings.secret_key is None


def test_addresses_follow_port_and_folder() -> None:
    settings = load_settings(port=8123, var=Path("/srv/desk"))
    assert settings.public_url == "http://127.0.0.1:8123"
    assert settings.database_url == "sqlite:////srv/desk/frontdesk.db"
    assert settings.database_file == Path("/srv/desk/frontdesk.db")
    assert settings.key_file == Path("/srv/desk/secret.key")


def test_environment_wins_over_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "frontdesk.toml").write_text('port = 9000\nhost = "::1"\n')
    monkeypatch.setenv("FRONTDESK_PORT", "9001")
    settings = load_settings()
    assert (settings.port, settings.host) == (9001, "::1")


def test_another_file_may_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("demo = false\n")
    monkeypatch.setenv("FRONTDESK_CONFIG", str(tmp_path / "other.toml"))
    assert load_settings().demo is False
    monkeypatch.setenv("FRONTDESK_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(SettingsError, match="FRONTDESK_CONFIG: no such file"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "http", "FRONTDESK_PORT: "),
        ("PORT", "70000", "FRONTDESK_PORT: "),
        ("PROT", "8000", "FRONTDESK_PROT: no such setting"),
        ("SYNCHRONOUS", "OFF", "FRONTDESK_SYNCHRONOUS: "),
        ("PUBLIC_URL", "http://chat.example.com", "FRONTDESK_PUBLIC_URL: http is allowed for this computer only"),
        ("PUBLIC_URL", "http://127.0.0.1.example.com", "FRONTDESK_PUBLIC_URL: http is allowed for this computer only"),
        ("PUBLIC_URL", "https://chat.example.com/desk", "FRONTDESK_PUBLIC_URL: must be a scheme and a host"),
        ("PUBLIC_URL", "https://user@chat.example.com", "FRONTDESK_PUBLIC_URL: must be a scheme and a host"),
        ("PUBLIC_URL", "chat.example.com", "FRONTDESK_PUBLIC_URL: must be an address"),
        ("DATABASE_URL", "mysql://h/d", "FRONTDESK_DATABASE_URL: must start with sqlite:/// or postgresql://"),
        ("DATABASE_URL", "sqlite://", "FRONTDESK_DATABASE_URL: must name a file"),
        ("SECRET_KEY", "short", "FRONTDESK_SECRET_KEY: needs at least 32 characters"),
        ("METRICS_TOKEN", "x", "FRONTDESK_METRICS_TOKEN: needs at least 16 characters"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy", "FRONTDESK_TRUSTED_PROXIES[1]: "),
    ],
)
def test_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"FRONTDESK_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_secret_values_are_in_no_error_and_no_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    # S-28
    with pytest.raises(SettingsError) as caught:
        load_settings(secret_key="canary-key", database_url="mysql://desk:canary-password@db/desk")
    assert "canary" not in str(caught.value)
    monkeypatch.setenv("FRONTDESK_DATABASE_URL", "postgresql://desk:canary-password@db/desk")
    assert "canary" not in repr(load_settings(secret_key="canary-key" * 4))


def test_unknown_key_in_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "frontdesk.toml").write_text('colour = "blue"\n')
    with pytest.raises(SettingsError, match="FRONTDESK_COLOUR: no such setting"):
        load_settings()


def test_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "frontdesk.toml").write_text("port 9\n")
    with pytest.raises(SettingsError, match=r"frontdesk\.toml"):
        load_settings()


def test_variables_of_the_tests_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_TEST_DATABASE_URL", "postgresql://h/d")
    assert load_settings().sqlite


def test_proxies_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    assert load_settings().trusted_proxies == [ip_network("10.0.0.0/8"), ip_network("::1")]


def test_https_decides_the_cookie() -> None:
    # S-9
    plain, secure = load_settings(public_url="http://localhost:8000/"), load_settings(public_url="https://Chat.Example")
    assert (plain.secure, plain.cookie_name, plain.public_url) == (False, "frontdesk", "http://localhost:8000")
    assert (secure.secure, secure.cookie_name, secure.public_url) == (True, "__Host-frontdesk", "https://chat.example")


def test_postgresql_uses_its_driver() -> None:
    assert load_settings(database_url="postgres://h/d").database_url == "postgresql+psycopg://h/d"


def test_settings_cannot_be_changed() -> None:
    settings = Settings()
    with pytest.raises(ValidationError):
        settings.dev = True  # type: ignore[misc]  # that it fails is the point


@pytest.mark.parametrize("host", ["localhost", "shop.localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "0.0.0.0", "", "127.1", "::ffff:8.8.8.8"])
def test_not_loopback(host: str) -> None:
    assert not is_loopback(host)
