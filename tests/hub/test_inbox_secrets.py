"""An inbox's secrets are parted from its settings, sealed, and come back as the channel's own type."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

import channels
from hub.inboxes import ConfigError, load_config, secret_fields, split_secrets, validate
from hub.vault import Vault
from models.inboxes import Inbox

VAULT = Vault(b"k" * 32)


class Config(BaseModel):
    """Every shape a channel may use."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    account: str
    number: Annotated[int, Field(gt=0)] = 1
    token: SecretStr
    spare: SecretStr | None = None
    older: list[SecretStr] = []
    named: dict[str, Annotated[SecretStr, Field(min_length=3)]] = {}


@dataclass
class Toy:
    """As much of a channel as an inbox's settings need."""

    Config: type[BaseModel] = Config
    kind: str = "toy"


def _inbox(config: dict[str, Any], sealed: bytes | None) -> Inbox:
    return Inbox("i1", "toy", "Toy", "key", config, sealed, None, "UTC", 72, "manual", True, None)


def _config() -> BaseModel:
    return validate(
        Toy(),  # type: ignore[arg-type]  # only its Config counts here
        {"account": "A", "token": "canary-1", "older": ["canary-2"], "named": {"SK1": "canary-3"}},
    )


def test_secrets_and_the_rest_are_parted_and_come_back() -> None:
    # S-27
    plain, secret = split_secrets(_config())
    assert plain == {"account": "A"}
    assert secret == {"token": "canary-1", "older": ["canary-2"], "named": {"SK1": "canary-3"}}
    sealed = VAULT.seal(secret)
    assert b"canary" not in sealed
    loaded = load_config(Toy(), _inbox(plain, sealed), VAULT)  # type: ignore[arg-type]  # as above
    assert loaded == _config()
    assert "canary" not in repr(loaded)


@pytest.mark.parametrize("kind", channels.kinds())
def test_every_secret_of_every_channel_is_known_by_its_type(kind: str) -> None:
    # S-27: a field that sounds secret and is no SecretStr would be stored readable.
    model = channels.load(kind).Config
    telling = {
        name for name in model.model_fields if any(word in name for word in ("secret", "token", "password", "keys"))
    }
    assert telling <= set(secret_fields(model))


def test_errors_name_fields_and_no_values() -> None:
    # S-28
    with pytest.raises(ConfigError) as caught:
        validate(Toy(), {"number": -1, "token": ["canary"], "colour": "canary"})  # type: ignore[arg-type]  # as above
    said = str(caught.value)
    assert "canary" not in said
    assert all(name in said for name in ("account:", "number:", "token:", "colour:"))


def test_secrets_sealed_with_another_key_are_said() -> None:
    plain, secret = split_secrets(_config())
    with pytest.raises(ConfigError, match="secrets: sealed with a key that is not here"):
        load_config(Toy(), _inbox(plain, Vault(b"o" * 32).seal(secret)), VAULT)  # type: ignore[arg-type]  # as above


def test_missing_secrets_are_named() -> None:
    with pytest.raises(ConfigError, match="token: Field required"):
        load_config(Toy(), _inbox({"account": "A"}, None), VAULT)  # type: ignore[arg-type]  # as above
