"""Typed settings: ``FRONTDESK_*`` variables first, then ``frontdesk.toml``. Wrong ones stop the start."""

import os
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "FRONTDESK_"
CONFIG = "FRONTDESK_CONFIG"
"""Names another file than ``frontdesk.toml`` in the working directory."""
_FOR_TESTS = "FRONTDESK_TEST_"
_SCHEMES = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


class SettingsError(ValueError):
    """One or more settings are wrong; the message has a line for each, naming the setting and never its value."""


def is_loopback(host: str) -> bool:
    """Whether *host* can only be this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _public_url(value: str) -> str:
    url = value.strip().rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address such as https://chat.example.com")
    if parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be a scheme and a host without a path, such as https://chat.example.com")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http is allowed for this computer only; use https")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _database_url(value: str) -> str:
    scheme, separator, rest = value.strip().partition("://")
    scheme = _SCHEMES.get(scheme, scheme)
    if not separator or scheme not in ("sqlite", "postgresql+psycopg"):
        raise ValueError("must start with sqlite:/// or postgresql://")
    if scheme == "sqlite" and rest.strip("/") in ("", ":memory:"):
        raise ValueError("must name a file, such as sqlite:///var/frontdesk.db")
    return f"{scheme}://{rest}"


def _redis_url(value: str, info: ValidationInfo) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    if str(info.data.get("database_url", "")).startswith("sqlite:"):
        raise ValueError("is for several processes, which need FRONTDESK_DATABASE_URL=postgresql://…")
    return value


def _secret(value: SecretStr) -> SecretStr:
    keys = value.get_secret_value().split()
    if not keys or any(len(key) < 32 for key in keys):
        raise ValueError("needs at least 32 characters, for example from `openssl rand -hex 32`")
    return value


def _token(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 16:
        raise ValueError("needs at least 16 characters")
    return value


def _listed(value: Any) -> Any:
    return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value


def _network(value: Any) -> Any:
    try:
        return ip_network(value)
    except ValueError:
        raise ValueError("must be an address or a network, such as 10.0.0.0/8") from None


Port = Annotated[int, Field(ge=1, le=65_535)]
Rate = Annotated[int, Field(ge=1, le=100_000)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Networks = Annotated[list[Network], NoDecode, BeforeValidator(_listed)]


class Settings(BaseSettings):
    """Everything that is decided before the start; all else is kept in the database."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, toml_file="frontdesk.toml"
    )

    var: Path = Path("var")
    """Folder of the database, files, models and the key."""
    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: Annotated[str, AfterValidator(_public_url)] = Field(
        default_factory=lambda data: f"http://127.0.0.1:{data['port']}"
    )
    """Where browsers and providers reach us. https decides for secure cookies."""
    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        default_factory=lambda data: f"sqlite:///{data['var']}/frontdesk.db", repr=False
    )
    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = Field(default=None, repr=False)
    """Lets processes on one PostgreSQL tell each other at once what changed; without it they look each second."""
    secret_key: Annotated[SecretStr, AfterValidator(_secret)] | None = None
    """Seals inbox secrets and signs tokens; None: see ``key_file``. Several: newest first, parted by spaces."""
    dev: bool = False
    """Opens the simulators to administrators."""
    demo: bool = True
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    """SQLite: ``FULL`` survives a power cut, ``NORMAL`` a killed process only."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    json_logs: bool | None = None
    """None: JSON lines unless a terminal reads along."""
    metrics_token: Annotated[SecretStr, AfterValidator(_token)] | None = None
    """Lets others than this computer read ``/metrics``."""
    trusted_proxies: Networks = []
    """Whose ``X-Forwarded-For`` is believed (S25)."""
    polling: bool = False
    """Long polling for old third-party clients; one process only."""
    fast_sockets: bool = True
    """Off: every socket is handled by python-socketio's own code, which costs several times as much."""
    visitor_rate: Rate = 10
    """Messages a visitor may send in 10 seconds."""
    connect_rate: Rate = 30
    """Connects without a valid token that one address may make in a minute."""
    bot_limit: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Most seconds any bot may take for a turn, whatever it asks for."""
    upload_limit: Annotated[int, Field(ge=1, le=1 << 30)] = 10 << 20
    """Bytes of one uploaded file."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        file = Path(os.environ.get(CONFIG, "frontdesk.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https."""
        return self.public_url.startswith("https://")

    @property
    def cookie_name(self) -> str:
        """Name of the session cookie; the prefix makes browsers insist on Secure and on our host alone."""
        return "__Host-frontdesk" if self.secure else "frontdesk"

    @property
    def sqlite(self) -> bool:
        """Whether the database is a file of ours."""
        return self.database_url.startswith("sqlite:")

    @property
    def database_file(self) -> Path | None:
        """The SQLite database's file."""
        return Path(self.database_url.removeprefix("sqlite:///")) if self.sqlite else None

    @property
    def files(self) -> Path:
        """Folder of uploads and fetched media, named by their SHA-256."""
        return self.var / "files"

    @property
    def models(self) -> Path:
        """Folder of trained models."""
        return self.var / "models"

    @property
    def lock(self) -> Path:
        """File whose lock says that a hub is serving a SQLite database."""
        return self.var / "frontdesk.lock"

    @property
    def key_file(self) -> Path:
        """File of the secret key, used when none is set."""
        return self.var / "secret.key"


def load_settings(**given: Any) -> Settings:
    """Read and check all settings; *given* wins. Raise :class:`SettingsError` naming each wrong one."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    unknown = [name for name in unknown if not name.startswith(_FOR_TESTS)]
    if unknown:
        raise SettingsError("\n".join(f"{name}: no such setting" for name in unknown))
    if CONFIG in os.environ and not Path(os.environ[CONFIG]).is_file():
        raise SettingsError(f"{CONFIG}: no such file")
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_explained(error)) from None
    except ValueError as error:
        raise SettingsError(f"frontdesk.toml: {error}") from None


def _explained(error: ValidationError) -> str:
    lines = []
    for wrong in error.errors(include_input=False, include_url=False):
        if wrong["type"] == "default_factory_not_called":
            continue
        name, *rest = [str(part) for part in wrong["loc"]] or ["settings"]
        place = "".join(f"[{part}]" for part in rest if part.isdigit())
        said = "no such setting" if wrong["type"] == "extra_forbidden" else wrong["msg"].removeprefix("Value error, ")
        lines.append(f"{PREFIX}{name.upper()}{place}: {said}")
    return "\n".join(dict.fromkeys(lines))
