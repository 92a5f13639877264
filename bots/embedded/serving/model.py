"""A trained model on disk, opened: a folder of npz and JSON, every file checked against its manifest."""

import io
import json
from pathlib import Path

import numpy as np

from .dialogue import Dialogue
from .encoder import Encoder
from .entities import Entities
from .intents import Intents, load_heads
from .manifest import ModelError, contents
from .tagger import Tagger


def open_model(folder: Path, encoder: Encoder) -> Dialogue:
    """Return the assistant trained into *folder*, or raise :class:`ModelError`."""
    files = contents(folder)
    assistant, facts = json.loads(files["assistant.json"]), json.loads(files["nlu.json"])
    if facts["encoder"] != encoder.name:
        raise ModelError(f"{folder.name}: trained with another sentence encoder, train it again")
    with np.load(io.BytesIO(files["nlu.npz"]), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    tagger = Tagger(facts["tagger"], arrays["tagger"], arrays["tagger_bias"]) if facts["tagger"] else None
    entities = Entities(assistant["extract"], tagger)
    return Dialogue(assistant, Intents(facts, load_heads(facts, arrays), encoder), entities)
