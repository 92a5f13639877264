"""A Rasa-format project as typed data. ``load`` reads it whole; what it means together is for ``checks``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bots.embedded import domain as domains
from bots.embedded import flows as flowing
from bots.embedded import nlu as training
from bots.embedded import pipeline
from bots.embedded.source import Place, Remarks, Source, read

VERSIONS = ("2.0", "3.0", "3.1")


@dataclass(slots=True)
class Project:
    """Everything an assistant is made of."""

    name: str
    domain: domains.Domain = field(default_factory=domains.Domain)
    nlu: training.Nlu = field(default_factory=training.Nlu)
    flows: list[flowing.Flow] = field(default_factory=list)
    settings: pipeline.Settings = field(default_factory=pipeline.Settings)
    remarks: Remarks = field(default_factory=Remarks)


def load(root: Path) -> Project:
    """Read ``domain.yml`` or ``domain/``, ``data/`` and ``config.yml`` below *root*; faults become remarks."""
    project = Project(root.resolve().name)
    remarks = project.remarks
    written = [root / "domain.yml"] if (root / "domain.yml").is_file() else sorted((root / "domain").rglob("*.yml"))
    if not written:
        remarks.error(Place("domain.yml"), "not found: an assistant needs domain.yml (or a folder domain/)")
    data = sorted(path for pattern in ("*.yml", "*.yaml") for path in (root / "data").rglob(pattern))
    if not data:
        remarks.error(Place("data"), "no YAML files: an assistant needs data/nlu.yml")
    for path in written:
        if source := _open(root, path, remarks):
            domains.add(project.domain, source)
    for path in data:
        if source := _open(root, path, remarks):
            training.add(project.nlu, source)
            project.flows += flowing.parse(source)
            if "intents" in source.content or "responses" in source.content:
                domains.add(project.domain, source)
    if (root / "config.yml").is_file():
        if source := _open(root, root / "config.yml", remarks):
            project.settings = pipeline.parse(source)
    else:
        remarks.warn(Place("config.yml"), "not found: using the fallback threshold 0.5")
        project.settings.threshold = 0.5
    return project


def _open(root: Path, path: Path, remarks: Remarks) -> Source | None:
    source = read(root, path, remarks)
    if source:
        _check_version(source, source.content)
    return source


def _check_version(source: Source, content: Mapping[str, Any]) -> None:
    version = content.get("version")
    if version is not None and str(version) not in VERSIONS:
        known = ", ".join(VERSIONS)
        source.remarks.warn(
            source.at(content, "version"), f"version {version} is not known (known: {known}); read as {VERSIONS[-1]}"
        )
