"""The container files, as far as they can be checked without an engine."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from hub.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
LOCAL = "127.0.0.1:"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The compose file."""
    whole: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return whole


def _defaults(environ: dict[str, str]) -> dict[str, str]:
    """Variables as they are where no ``.env`` file says otherwise."""
    return {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in environ.items()}


def test_compose_has_a_hub_and_a_profile_for_rasa(compose: dict[str, Any]) -> None:
    hub, rasa = compose["services"]["hub"], compose["services"]["rasa"]
    assert "profiles" not in hub
    assert rasa["profiles"] == ["rasa"]
    assert "ports" not in rasa, "Rasa's webhooks carry no check at all"
    for volume in rasa["volumes"]:
        assert (ROOT / volume.partition(":")[0]).is_dir()


def test_what_compose_opens_and_names(compose: dict[str, Any]) -> None:
    """# S-37: open to this computer only; and nothing is named that is not there."""
    for name, service in compose["services"].items():
        assert all(port.startswith(LOCAL) for port in service.get("ports", ())), name
        kept = {volume.partition(":")[0] for volume in service.get("volumes", ()) if not volume.startswith("./")}
        assert kept <= set(compose["volumes"]), name
        assert set(service.get("networks", ())) <= set(compose["networks"]), name
        assert set(service.get("depends_on", ())) <= set(compose["services"]), name


def test_scale_is_two_hubs_behind_a_proxy(compose: dict[str, Any]) -> None:
    services = compose["services"]
    mine = {name: service for name, service in services.items() if service.get("profiles") == ["scale"]}
    hubs = {name: service for name, service in mine.items() if "build" in service}
    assert len(hubs) == 2
    assert {name for name, service in mine.items() if "ports" in service} == {"scale"}, "only the proxy is reached"
    assert services["scale"]["ports"] == services["hub"]["ports"], "in the place of the single hub"
    assert set(mine["scale"]["depends_on"]) == set(hubs)
    assert len({str(service["volumes"]) for service in hubs.values()}) == 1, "models, files and the key are shared"
    (source,) = [config["source"] for config in mine["scale"]["configs"]]
    proxy = compose["configs"][source]["content"]
    assert set(re.findall(r"[\w-]+(?=:8000 )", proxy)) == set(hubs)
    assert re.findall(r"health_uri (\S+)", proxy) == ["/health/ready"]


@pytest.mark.parametrize("name", ["hub", "hub-1", "hub-2"])
def test_hubs_understand_their_settings(compose: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting is one of ours, and the servers they name are services that start before."""
    service = compose["services"][name]
    for variable, value in _defaults(service["environment"]).items():
        monkeypatch.setenv(variable, value)
    settings = load_settings()
    if name == "hub":
        assert settings.sqlite
        return
    assert not settings.sqlite
    assert settings.redis_url
    named = {urlsplit(url).hostname for url in (settings.database_url, settings.redis_url)}
    assert named == set(service["depends_on"])
    (network,) = [one["subnet"] for one in compose["networks"]["scale"]["ipam"]["config"]]
    assert [str(one) for one in settings.trusted_proxies] == [network]
    postgres = _defaults(compose["services"]["postgres"]["environment"])
    assert f"{postgres['POSTGRES_USER']}:{postgres['POSTGRES_PASSWORD']}@" in settings.database_url


def test_image_copies_what_is_there_and_runs_as_nobody_special() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    for name in (source for sources in copied for source in sources):
        assert (ROOT / name).exists(), name
    packages = re.findall(r"packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text())[0]
    for package in re.findall(r'"(\w+)"', packages):
        assert any(package in " ".join(line.split()[1:]) for line in lines if line.startswith("COPY ")), package
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER frontdesk"]
    assert any('".[scale]"' in line for line in lines), "the scale profile needs Redis's library"
