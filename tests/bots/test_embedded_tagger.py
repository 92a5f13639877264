"""The tagger finds values that were never taught, and keeps away from entities with a pattern of their own."""

from pathlib import Path

from tests.bots.projects import SMALL, Talk, dialogue, write

NLU = (
    SMALL["data/nlu.yml"]
    + """\
  - intent: book
    examples: |
      - a flight from [Paris]{"entity": "city", "role": "from"} to [Rome]{"entity": "city", "role": "to"}
      - fly from [Oslo]{"entity": "city", "role": "from"} to [Cape Town]{"entity": "city", "role": "to"}
      - I want to go to [Lima]{"entity": "city", "role": "to"}
      - from [New York]{"entity": "city", "role": "from"} please
      - to [Kyoto]{"entity": "city", "role": "to"} please
      - booking [A12](code)
      - nothing of the kind, please
      - 東京から[大阪]{"entity": "city", "role": "to"}まで
      - 札幌から[福岡]{"entity": "city", "role": "to"}まで
  - {regex: code, examples: '- [A-Z]\\d\\d'}
"""
)
DOMAIN = SMALL["domain.yml"].replace("bye]", "bye, book]") + "entities: [city, code]\n"


def test_unseen_values_and_roles(project: Path, tmp_path: Path) -> None:
    opened = dialogue(write(project, nlu=NLU, domain=DOMAIN), tmp_path / "out")

    def found(text: str) -> list[tuple[object, ...]]:
        return [(item["entity"], item["value"], item.get("role")) for item in opened.read(text)["entities"]]

    assert found("a flight from Vienna to Berlin") == [("city", "Vienna", "from"), ("city", "Berlin", "to")]
    assert found("fly from Oslo to Buenos Aires")[0] == ("city", "Oslo", "from")
    assert found("名古屋から神戸まで") == [("city", "神戸", "to")]
    assert found("nothing of the kind") == []
    assert found("booking B77 or 123") == [("code", "B77", None)]
    assert Talk(opened).turn("")["fallback"]
