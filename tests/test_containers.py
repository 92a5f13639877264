"""The container files, as far as they can be checked without an engine."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def test_compose_has_a_hub_and_a_profile_for_rasa() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    hub, rasa = compose["services"]["hub"], compose["services"]["rasa"]
    assert "profiles" not in hub
    assert rasa["profiles"] == ["rasa"]
    assert all(port.startswith("127.0.0.1:") for port in hub["ports"]), "open to this computer only (S-37)"
    assert "ports" not in rasa, "Rasa's webhooks carry no check at all"
    named = {volume.partition(":")[0] for volume in hub["volumes"]}
    assert named <= set(compose["volumes"])
    for volume in rasa["volumes"]:
        assert (ROOT / volume.partition(":")[0]).is_dir()


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
