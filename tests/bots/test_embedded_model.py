"""A model folder is whole and unchanged, or it is not opened. Same project, same model."""

import json
from pathlib import Path

import numpy as np
import pytest

from bots import BotError
from bots.embedded import create, train
from bots.embedded.checks import checked
from bots.embedded.serving.manifest import FILES, ModelError
from bots.embedded.serving.model import open_model
from tests.bots.projects import SMALL, HashEncoder, write


def trained(project: Path, out: Path, encoder: HashEncoder) -> Path:
    return Path(train.train(checked(project), out, lambda: encoder, lambda _: None)["folder"])


def test_only_npz_and_json(project: Path, tmp_path: Path) -> None:  # S-22
    folder = trained(write(project), tmp_path / "out", HashEncoder())
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "manifest.json"])
    with np.load(folder / "nlu.npz", allow_pickle=False) as stored:
        assert all(stored[name].dtype.kind == "f" for name in stored.files)


@pytest.mark.parametrize("name", FILES)
def test_changed_file_is_refused(name: str, project: Path, tmp_path: Path) -> None:  # S-22
    folder = trained(write(project), tmp_path / "out", HashEncoder())
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        open_model(folder, HashEncoder())
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        open_model(folder, HashEncoder())


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 99, "files": {}}', '{"format": 2, "files": {"../x": ""}}']
)
async def test_bad_manifest_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BotError) as refused:
        await create({}).open(tmp_path)
    assert refused.value.kind == "no_model"


def test_other_encoder_is_refused(project: Path, tmp_path: Path) -> None:
    folder = trained(write(project), tmp_path / "out", HashEncoder())
    other = HashEncoder()
    other.name = "other"
    with pytest.raises(ModelError, match="encoder"):
        open_model(folder, other)


def test_only_new_sentences_are_encoded(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first, second, third = HashEncoder(), HashEncoder(), HashEncoder()
    folder = trained(write(project), out, first)
    assert len(first.encoded) == 6
    changed = write(project, nlu=SMALL["data/nlu.yml"] + "      - so long\n")
    assert trained(changed, out, second) != folder
    assert second.encoded == ["so long"]
    write(project)
    assert trained(project, out, third) == folder
    assert third.encoded == []
    assert [path for path in out.iterdir() if path.name.startswith(".training")] == []


def test_broken_cache_is_rebuilt(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / train.CACHE).write_bytes(b"PK nonsense")
    assert json.loads((trained(write(project), out, HashEncoder()) / "manifest.json").read_text())["scores"]


def test_damaged_model_is_trained_again(project: Path, tmp_path: Path) -> None:
    folder = trained(write(project), tmp_path / "out", HashEncoder())
    (folder / "nlu.json").write_text("{}")
    assert trained(project, tmp_path / "out", HashEncoder()) == folder
    open_model(folder, HashEncoder())
