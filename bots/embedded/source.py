"""Reading YAML so that every remark can name file and line."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from bots import Finding

LARGEST_FILE = 32 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    file: str
    line: int | None = None


@dataclass(slots=True)
class Remarks:
    """Findings, collected while reading. An assistant with one error is not trained."""

    findings: list[Finding] = field(default_factory=list)

    def error(self, place: Place, message: str) -> None:
        """Say what makes training impossible, and what to do."""
        self.findings.append(Finding("error", place.file, place.line, message))

    def warn(self, place: Place, message: str) -> None:
        """Say what will be ignored or may surprise."""
        self.findings.append(Finding("warning", place.file, place.line, message))

    def info(self, place: Place, message: str) -> None:
        """Say what is done in another way than in Rasa, to the same end."""
        self.findings.append(Finding("info", place.file, place.line, message))

    @property
    def failed(self) -> bool:
        """Tell whether there is an error."""
        return any(finding.level == "error" for finding in self.findings)


class Source:
    """One YAML file, and the lines of what is in it."""

    def __init__(self, name: str, content: Any, remarks: Remarks) -> None:
        self.name = name
        self.content: Mapping[str, Any] = content
        self.remarks = remarks

    def at(self, node: Any, key: Any = None) -> Place:
        """Return the place of *node*'s entry *key* (a mapping's key, a list's index), or of the node."""
        marks = getattr(node, "lc", None)
        if marks is None:
            return Place(self.name)
        try:
            line = marks.line if key is None else marks.data[key][0]
        except (KeyError, TypeError, AttributeError):
            line = marks.line
        return Place(self.name, line + 1)

    def entries(self, key: str) -> Iterator[tuple[Mapping[str, Any], Place]]:
        """Yield the mappings of the top-level list *key*; anything else in it is an error."""
        items = self.content.get(key)
        if items is None:
            return
        if not isinstance(items, list):
            self.remarks.error(self.at(self.content, key), f"{key}: must be a list, each entry starting with '- '")
            return
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield item, self.at(items, index)
            else:
                self.remarks.error(
                    self.at(items, index), f"an entry of {key}: must be a mapping such as 'intent: greet'"
                )

    def mapping(self, node: Any, key: str, place: Place | None = None) -> Mapping[str, Any]:
        """Return the mapping under *key*, empty if absent; another type is an error."""
        value = node.get(key)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        self.remarks.error(place or self.at(node, key), f"{key}: must be a mapping")
        return {}

    def strings(self, node: Any, key: str) -> list[str]:
        """Return the list of names under *key* (one name alone will do), empty if absent."""
        value = node.get(key)
        if value is None:
            return []
        items: Sequence[Any] = value if isinstance(value, list) else [value]
        if all(isinstance(item, str) for item in items):
            return [str(item) for item in items]
        self.remarks.error(self.at(node, key), f"{key}: must be a list of names")
        return []


def read(root: Path, path: Path, remarks: Remarks) -> Source | None:
    """Return a YAML file of the project, or None with an error that names its line."""
    name = path.relative_to(root).as_posix()
    try:
        if path.stat().st_size > LARGEST_FILE:
            remarks.error(Place(name), "file is larger than 32 MiB: split it")
            return None
        content = YAML(typ="rt").load(path.read_text("utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        remarks.error(Place(name, mark.line + 1 if mark else None), f"not valid YAML: {error.problem or error.context}")
        return None
    except (OSError, UnicodeDecodeError, YAMLError, ValueError, RecursionError) as error:
        remarks.error(Place(name), f"cannot be read as YAML in UTF-8: {type(error).__name__}")
        return None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        remarks.error(Place(name, 1), "must start with keys such as 'version:' and 'nlu:'")
        return None
    return Source(name, content, remarks)
