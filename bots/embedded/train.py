"""The training process: ``python -m bots.embedded.train PROJECT OUT`` writes a model folder; speaks JSON lines."""

import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from bots.embedded import compile as compiling
from bots.embedded import fit
from bots.embedded.checks import checked
from bots.embedded.fit_tagger import fit_tagger
from bots.embedded.project import Project
from bots.embedded.serving.encoder import Encoder, Floats, SentenceEncoder
from bots.embedded.serving.intents import HEAD_ARRAYS
from bots.embedded.serving.manifest import FORMAT, MANIFEST, ModelError, contents, manifest

Progress = Callable[[str], None]
CACHE = ".sentence-vectors.npz"
NICENESS = 5


def train(project: Project, out: Path, encoder: Callable[[], Encoder], progress: Progress) -> dict[str, Any]:
    """Train a faultless project into ``out/<name>-<version>``; return the manifest. Same project, same version."""
    started = time.monotonic()
    assistant = compiling.assistant(project)
    examples = [(example.text, example.intent) for example in project.nlu.examples]
    spans = [[astuple(span) for span in example.spans] for example in project.nlu.examples]
    version = hashlib.sha256(_json([FORMAT, assistant, examples, spans])).hexdigest()[:12]
    folder = out / f"{project.name}-{version}"
    out.mkdir(parents=True, exist_ok=True)
    try:
        contents(folder)
    except ModelError:
        texts = [text for text, _ in examples]
        labels = [label for _, label in examples]
        coder = encoder()
        corpus = fit.Corpus(texts, _vectors(texts, coder, out / CACHE, progress), labels)
        facts, arrays, scores = classifier(corpus, progress)
        facts["encoder"] = coder.name
        facts["tagger"], tagger_arrays = fit_tagger(project.nlu)
        arrays |= tagger_arrays
        files = {"assistant.json": _json(assistant), "nlu.json": _json(facts), "nlu.npz": _npz(arrays)}
        _write(folder, files, {"format": FORMAT, "name": project.name, "version": version, "scores": scores})
    found = manifest(folder)
    return {**found, "folder": str(folder), "seconds": round(time.monotonic() - started, 3)}


def classifier(corpus: fit.Corpus, progress: Progress) -> tuple[dict[str, Any], dict[str, Floats], dict[str, Any]]:
    """Return the classifier as JSON facts and arrays, and how well it did in cross-validation."""
    names = sorted(set(corpus.labels))
    facts: dict[str, Any] = {"labels": names, "exact": fit.exact(corpus.texts, corpus.labels)}
    scores: dict[str, Any] = {"intents": len(names), "examples": len(corpus.texts)}
    if len(names) < 2:
        return {**facts, "calibration": list(fit.UNCALIBRATED), "vocabulary": {}}, {}, scores
    outside, rows = fit.cross_validate(corpus, progress)
    best = outside.argmax(axis=1) if len(rows) else []
    right = [names[column] == corpus.labels[row] for column, row in zip(best, rows, strict=True)]
    facts["calibration"], error = fit.calibrate(outside, right)
    if right:
        scores |= {"accuracy": round(sum(right) / len(right), 4), "calibration_error": round(error, 4)}
    progress("fitting")
    heads = fit.fit_heads(corpus)
    facts["vocabulary"] = {"word": heads.word.vocabulary, "char": heads.char.vocabulary}
    arrays = {name: getattr(heads, name) for name in HEAD_ARRAYS}
    return facts, {**arrays, "word_idf": heads.word.idf, "char_idf": heads.char.idf}, scores


def _vectors(texts: Sequence[str], encoder: Encoder, cache: Path, progress: Progress) -> Floats:
    """Return the texts' vectors, embedding only those that earlier trainings did not see."""
    keys = [hashlib.sha256(f"{encoder.name}\n{text}".encode()).hexdigest()[:32] for text in texts]
    known = _read_cache(cache)
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    progress(f"encoding {len(missing)} of {len(texts)} examples")
    known |= dict(zip(missing, encoder.encode(list(missing.values())), strict=True))
    kept = dict.fromkeys(keys)
    if missing:
        _replace(cache, _npz({"keys": np.array(list(kept)), "vectors": np.stack([known[key] for key in kept])}))
    return np.stack([known[key] for key in keys])


def _read_cache(cache: Path) -> dict[str, Floats]:
    try:
        with np.load(cache, allow_pickle=False) as stored:
            return dict(zip(stored["keys"].tolist(), stored["vectors"], strict=True))
    except (OSError, ValueError, KeyError, EOFError):
        return {}


def _write(folder: Path, files: dict[str, bytes], facts: dict[str, Any]) -> None:
    """Write a model beside its final place and move it there whole."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".training-") as scratch:
        whole = Path(scratch) / folder.name
        whole.mkdir()
        for name, content in files.items():
            (whole / name).write_bytes(content)
        facts["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        (whole / MANIFEST).write_bytes(_json(facts))
        shutil.rmtree(folder, ignore_errors=True)
        whole.replace(folder)


def _replace(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as scratch:
        scratch.write(content)
    Path(scratch.name).replace(path)


def _npz(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def main(arguments: Sequence[str]) -> int:
    """Train; print ``{"progress"}`` lines, then ``{"findings", "manifest"}`` (manifest null when there are errors)."""

    def tell(line: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    os.nice(NICENESS)
    root, out = (Path(argument) for argument in arguments)
    tell({"progress": "reading the project"})
    project = checked(root)
    remarks = project.remarks
    findings = [[item.level, item.file, item.line, item.message] for item in remarks.findings]
    result = None if remarks.failed else train(project, out, SentenceEncoder, lambda step: tell({"progress": step}))
    tell({"findings": findings, "manifest": result})
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
