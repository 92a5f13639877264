"""An inbox's settings: which of them are secret, and how they come back as the channel's own type."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from channels import Channel
from hub.vault import Vault, VaultError
from models.inboxes import Inbox


class ConfigError(ValueError):
    """Settings a channel refuses; the message names each field and never holds a value."""


def secret_fields(model: type[BaseModel]) -> list[str]:
    """Names of the fields that hold a ``SecretStr``, or a list or mapping of them."""
    return [name for name, field in model.model_fields.items() if _has_secret(field.annotation)]


def _has_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_has_secret(part) for part in get_args(annotation))


def split_secrets(config: BaseModel) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part settings into what may be read in the database and what is sealed; defaults are left to the channel."""
    names = set(secret_fields(type(config)))
    plain = config.model_dump(mode="json", exclude=names, exclude_defaults=True)
    secret = config.model_dump(include=names, exclude_defaults=True)
    return plain, {name: _opened(value) for name, value in secret.items()}


def _opened(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {name: _opened(item) for name, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, (list, tuple)) else value


def join_secrets(plain: Mapping[str, Any], secret: Mapping[str, Any]) -> dict[str, Any]:
    """Undo :func:`split_secrets`."""
    return {**plain, **secret}


def validate(channel: Channel, given: Mapping[str, Any]) -> BaseModel:
    """Check settings against the channel's own type; raise :class:`ConfigError`."""
    try:
        return channel.Config.model_validate(dict(given))
    except ValidationError as error:
        raise ConfigError("; ".join(_explained(error))) from None


def _explained(error: ValidationError) -> list[str]:
    wrong = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg'].removeprefix('Value error, ')}" for one in wrong
    ]


def load_config(channel: Channel, inbox: Inbox, vault: Vault | None) -> BaseModel:
    """Return an inbox's settings, secrets opened, as the channel's own type; raise :class:`ConfigError`."""
    if inbox.sealed and vault is None:
        raise ConfigError("secrets: cannot be opened without the key")
    try:
        secret = vault.unseal(inbox.sealed) if inbox.sealed and vault else {}
    except VaultError as error:
        raise ConfigError(f"secrets: {error}") from None
    return validate(channel, join_secrets(inbox.config, secret))
