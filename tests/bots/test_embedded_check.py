"""Whatever is wrong with a project is said with file, line and what to do; and then nothing is trained."""

from pathlib import Path

import pytest

from bots import Finding, ProjectError
from bots.embedded import create
from tests.bots.projects import SMALL, write

RULES = SMALL["data/rules.yml"]
DOMAIN = SMALL["domain.yml"]
NLU = SMALL["data/nlu.yml"]
FORM = """\
forms:
  f:
    required_slots: [size]
slots:
  size: {type: text, mappings: [{type: from_text}]}
"""

CASES = {
    "unknown intent": ({"rules": RULES.replace("intent: bye", "intent: by")}, "data/rules.yml", 9, "intent 'by'"),
    "unknown response": ({"rules": RULES.replace("utter_bye", "utter_by")}, "data/rules.yml", 10, "utter_by"),
    "unknown action": ({"rules": RULES.replace("utter_bye", "action_x")}, "data/rules.yml", 10, "'action_x'"),
    "unknown loop": (
        {"rules": RULES.replace("- action: utter_bye", "- active_loop: f")}, "data/rules.yml", 10, "loop 'f'"),
    "unknown slot": (
        {"rules": RULES.replace("- action: utter_bye", "- slot_was_set: [{size: 1}]")}, "data/rules.yml", 10, "'size'"),
    "contradiction": ({"rules": RULES.replace("intent: bye", "intent: hello")}, "data/rules.yml", 7, "after hello"),
    "no utter_ask": ({"domain": DOMAIN + FORM}, "domain.yml", 9, "utter_ask_size"),
    "form without slot": (
        {"domain": DOMAIN + FORM.replace("[size]", "[weight]")}, "domain.yml", 9, "slot 'weight'"),
    "bad regex": ({"nlu": NLU + "  - regex: r\n    examples: |\n      - ([a-z\n"},
                  "data/nlu.yml", 15, "valid pattern"),
    "duplicate intent": ({"domain": DOMAIN.replace("[hello, bye]", "[hello, bye, hello]")}, "domain.yml", 2, "twice"),
    "broken YAML": ({"domain": "intents: [a\nresponses:\n"}, "domain.yml", 2, "not valid YAML"),
    "duplicate key": ({"domain": DOMAIN + "intents: [x]\n"}, "domain.yml", 8, "not valid YAML"),
    "not a mapping": ({"rules": "- a\n"}, "data/rules.yml", 1, "must start with keys"),
    "example without dash": ({"nlu": NLU.replace("- see you", "see you")}, "data/nlu.yml", 11, "'- '"),
    "bad annotation": ({"nlu": NLU.replace("see you", "see [you]{entity: x}")}, "data/nlu.yml", 11, "annotation"),
    "unknown condition slot": (
        {"domain": DOMAIN + "      condition: [{type: slot, name: x, value: 1}]\n"}, "domain.yml", 7, "slot 'x'"),
    "unknown entity": ({"domain": DOMAIN + """\
slots:
  size: {type: text, mappings: [{type: from_entity, entity: size}]}
"""}, "domain.yml", 9, "entity 'size'"),
    "mapping without value": ({"domain": DOMAIN + """\
slots:
  size: {type: text, mappings: [{type: from_intent, intent: bye}]}
"""}, "domain.yml", 9, "needs a value"),
    "threshold": ({"config": SMALL["config.yml"].replace("0.3", "high")}, "config.yml", 4, "from 0 to 1"),
    "hand-over": (
        {"domain": DOMAIN + "      custom: {hand_over: {team: 4}}\n"}, "domain.yml", 7, "reason: and team:"),
    "no examples": ({"nlu": "nlu: []\n"}, "data", None, "no examples"),
    "too many variants": ({"rules": RULES + "".join(
        "      - or: [{intent: hello}, {intent: bye}]\n" for _ in range(7))}, "data/rules.yml", 7, "variants"),
}  # fmt: skip


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "error"]


@pytest.mark.parametrize("name", CASES)
async def test_error_names_file_and_line(name: str, project: Path, tmp_path: Path) -> None:
    files, file, line, words = CASES[name]
    write(project, **files)
    found = errors(create({}).check(project))
    assert [(item.file, item.line) for item in found][:1] == [(file, line)], [str(item) for item in found]
    assert words in found[0].message


async def test_wrong_project_is_not_trained(project: Path, tmp_path: Path) -> None:
    write(project, rules=RULES.replace("utter_bye", "utter_by"))
    out = tmp_path / "out"
    with pytest.raises(ProjectError, match=r"data/rules.yml:10: error: .*utter_by"):
        await create({}).train(project, out, lambda _: None)
    assert not out.exists()


def test_small_project_is_faultless(project: Path) -> None:
    assert create({}).check(write(project)) == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config": SMALL["config.yml"] + "  - name: TEDPolicy\n"}, "TED would generalise"),
        ({"config": SMALL["config.yml"].replace("RulePolicy", "Mine")}, "not known: ignored"),
        ({"domain": DOMAIN.replace("Bye!", "Bye {nobody}!")}, "{nobody} is no slot"),
        ({"domain": DOMAIN + "actions: [action_x]\n", "rules": RULES.replace("utter_bye", "action_x")}, "server"),
        ({"nlu": NLU.replace("farewell", "hello")}, "same example"),
        ({"domain": DOMAIN.replace('"3.1"', '"9"')}, "version 9"),
        ({"rules": RULES + "      - checkpoint: later\n"}, "ignored"),
        ({"nlu": NLU.replace("intent: bye", "intent: bye_now")}, "not listed in the domain"),
        ({"domain": DOMAIN + "      buttons: [{title: A, payload: /nope}]\n"}, "intent 'nope'"),
    ],
)
def test_warnings(files: dict[str, str], words: str, project: Path) -> None:
    found = create({}).check(write(project, **files))
    assert errors(found) == [] or "bye_now" in str(files)
    assert any(words in item.message and item.level == "warning" and item.message for item in found), found


def test_missing_files(tmp_path: Path) -> None:
    found = {(item.level, item.file) for item in create({}).check(tmp_path)}
    assert found >= {("error", "domain.yml"), ("error", "data"), ("warning", "config.yml")}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: " + b"[" * 500, b"1", b"- a: 1\n  b", b"a: *b", b"\t"])
def test_unreadable_files_are_errors(content: bytes, project: Path) -> None:
    write(project)
    (project / "data" / "rules.yml").write_bytes(content)
    found = errors(create({}).check(project))
    assert [item.file for item in found] == ["data/rules.yml"]


def test_yaml_makes_no_objects(project: Path, tmp_path: Path) -> None:  # S-34
    made = tmp_path / "made"
    write(project, rules=f"a: !!python/object/apply:os.system ['touch {made}']\n")
    create({}).check(project)
    assert not made.exists()


def test_domain_may_be_a_folder(project: Path) -> None:
    write(project)
    text = (project / "domain.yml").read_text()
    (project / "domain.yml").unlink()
    (project / "domain").mkdir()
    head, responses = text.split("responses:")
    (project / "domain" / "a.yml").write_text(head)
    (project / "domain" / "b.yml").write_text("responses:" + responses)
    assert create({}).check(project) == []
