"""The rules of the house, read from the code itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import channels

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("hub", "models", "channels", "bots")
MAX_LINES = 400
MAX_FUNCTION = 40
LONG_FILES = {
    "models/wire.py": "every type that crosses a boundary, in one place on purpose",
    "widget/shared/types.ts": "generated from it",
}
"""Files over MAX_LINES and why each must be."""
LONG_FUNCTIONS = {"models/migrations/versions/0001_schema.py:upgrade": "the whole first schema, written once"}
"""Functions over MAX_FUNCTION and why each must be."""
NAMES_A_KIND = {"hub/serving.py": "makes the demo inbox of a fresh database"}
"""Files that may name a kind of channel, and why."""
INVARIANTS = {*range(1, 26)} - {20, 21}
"""Those this version stands for; the others are for later."""
STATEMENTS = {*(f"S-{number}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 11, 16, 18))}
OWN = re.compile(r"node_modules|__pycache__|/dist/|widget/[^/]*\.lock")
# A template's words may hold quotes, a comment's may too: strings and comments are read in one pass.
TYPESCRIPT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`""", re.DOTALL
)
MACHINE = re.compile(rf"(?<![\w.:/$}}-])(?:{re.escape(ROOT.as_posix())}|/(?:root|work|Users))/[\w.-]+")
"""Where this tree lies, and where other people's trees usually lie."""
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")


def files(*patterns: str, rooms: tuple[str, ...] = ROOMS) -> list[Path]:
    """Our own files of some kind."""
    found = (path for room in rooms for pattern in patterns for path in (ROOT / room).rglob(pattern))
    return sorted(path for path in found if not OWN.search(path.as_posix()))


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def python_strings(source: str) -> Iterator[tuple[int, str]]:
    """String literals and their lines; docstrings are prose and equal no kind."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def typescript_strings(source: str) -> Iterator[tuple[int, str]]:
    """String literals and template texts, and their lines."""
    for found in TYPESCRIPT.finditer(source):
        text = next((group for group in found.groups() if group is not None), None)
        if text is not None:
            yield source.count("\n", 0, found.start()) + 1, text


def kinds_named(path: Path, source: str) -> list[str]:
    read = python_strings if path.suffix == ".py" else typescript_strings
    return [f"{path}:{line}: {text!r}" for line, text in read(source) if text in channels.kinds()]


def own_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without those of functions inside it: a factory of routes holds many short ones."""
    inner = [
        node
        for node in ast.walk(function)
        if node is not function and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lines = set(range(function.lineno, (function.end_lineno or function.lineno) + 1))
    for node in inner:
        first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
        lines -= set(range(first, (node.end_lineno or first) + 1))
    return len(lines)


def long_functions(source: str) -> list[tuple[str, int]]:
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return [(node.name, length) for node in found if (length := own_length(node)) > MAX_FUNCTION]


def test_nobody_asks_which_channel_it_is() -> None:
    """Traits of a channel come as data: its kind is written nowhere but in its own file, and for the demo inbox."""
    looked = files("*.py", rooms=("hub", "models")) + files("*.ts", "*.tsx", "*.mts", "*.js", rooms=("widget",))
    assert len([path for path in looked if path.suffix == ".py"]) > 40
    assert len([path for path in looked if path.suffix != ".py"]) > 20
    named = {place(path): kinds_named(path.relative_to(ROOT), path.read_text()) for path in looked}
    assert {where: lines for where, lines in named.items() if lines and where not in NAMES_A_KIND} == {}
    assert all(named[where] for where in NAMES_A_KIND), "an exception that is no longer needed"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.py", 'if kind == "sms":\n    pass\n'),
        ("a.py", 'match kind:\n    case "web":\n        pass\n'),
        ("a.py", 'x = {"memory": 1}\n'),
        ("a.ts", "// it's\nif (kind === 'sms') go();\n"),
        ("a.tsx", 'const a = <p title="web">it\'s</p>;\n'),
        ("a.ts", "const a = `it's ${b}`; /* \" */ const kind = `memory`;\n"),
    ],
)
def test_a_named_kind_is_found(name: str, source: str) -> None:
    """The search itself works."""
    assert len(kinds_named(Path(name), source)) == 1
    assert kinds_named(Path(name), source.replace("sms", "smss").replace("web", "webs").replace("memory", "m")) == []


def test_files_are_short() -> None:
    """Nobody has to read a thousand lines to change one."""
    looked = files("*.py", "*.ts", "*.tsx", "*.css", rooms=(*ROOMS, "widget", "tests"))
    lengths = {place(path): len(path.read_text().splitlines()) for path in looked}
    assert {where: length for where, length in lengths.items() if length > MAX_LINES and where not in LONG_FILES} == {}
    assert all(lengths.get(where, 0) > MAX_LINES for where in LONG_FILES), "an exception that is no longer needed"


def test_functions_are_short() -> None:
    """A function fits on a screen."""
    measured = ((place(path), found) for path in files("*.py") for found in long_functions(path.read_text()))
    long = {f"{where}:{name}": length for where, (name, length) in measured}
    assert {where: length for where, length in long.items() if where not in LONG_FUNCTIONS} == {}
    assert LONG_FUNCTIONS.keys() <= long.keys(), "an exception that is no longer needed"


def test_a_long_function_is_found() -> None:
    """The measure itself works, and leaves out what a factory holds."""
    body = "    x = 1\n" * MAX_FUNCTION
    assert long_functions(f"def long():\n{body}") == [("long", MAX_FUNCTION + 1)]
    inner = "    def inner():\n" + "        x = 1\n" * 30
    assert long_functions(f"def factory():\n{inner}{inner}    return inner\n") == []


def test_every_promise_has_a_test_that_names_it() -> None:
    """The statements this version stands for are each held by a test."""
    looked = [path for path in files("*.py", rooms=("tests",)) if path != Path(__file__).resolve()]
    looked += files("*.test.ts", "*.test.tsx", rooms=("widget",))
    named = {word for path in looked for word in re.findall(r"\b(?:INV|S)-\d+\b", path.read_text())}
    assert sorted(STATEMENTS - named) == []


def test_every_invariant_is_held_where_its_document_says() -> None:
    """A row for each, and in each file of the row a test that names it."""
    text = (ROOT / "docs" / "invariants.md").read_text()
    found = re.findall(r"^\| (\d+) (.+)$", text, re.MULTILINE)
    rows = {int(number): re.findall(r"`([\w/]+\.py)`", row) for number, row in found}
    assert rows.keys() == INVARIANTS
    assert all(rows.values())
    held = [(number, place) for number, places in rows.items() for place in places]
    wrong = [
        (number, place)
        for number, place in held
        if not re.search(rf"\bINV-{number}\b", (ROOT / "tests" / place).read_text())
    ]
    assert wrong == []


def test_nothing_of_this_machine_and_nothing_unfinished() -> None:
    """No path of one computer, no note to do it later."""
    kinds = ("*.py", "*.ts", "*.tsx", "*.mts", "*.css", "*.html", "*.md", "*.yml", "*.toml", "*.json")
    looked = files(*kinds, rooms=(*ROOMS, "widget", "tests", "docs", ".ci"))
    looked += [path for path in ROOT.iterdir() if path.is_file() and path.name not in {"package-lock.json", ".git"}]
    wrong = []
    for path in looked:
        text = path.read_text(errors="replace")
        wrong += [f"{place(path)}: {found}" for found in MACHINE.findall(text) + UNFINISHED.findall(text)]
    assert wrong == []
