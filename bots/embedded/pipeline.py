"""``config.yml``: what it sets here, and what is done in another way or not at all."""

from dataclasses import dataclass
from typing import Any

from bots.embedded.source import Place, Source


@dataclass(slots=True)
class Settings:
    """A reading below ``threshold``, or closer than ``ambiguity`` to the next, is a fallback."""

    language: str = "en"
    threshold: float = 0.0
    ambiguity: float = 0.0


OURS = "is replaced by the built-in classifier, which needs no settings"
SAME = frozenset(
    [
        "EntitySynonymMapper",
        "RegexEntityExtractor",
        "FallbackClassifier",
        "RegexFeaturizer",
        "RulePolicy",
        "MemoizationPolicy",
        "AugmentedMemoizationPolicy",
        "KeywordIntentClassifier",
    ]
)
REPLACED = frozenset(
    [
        "WhitespaceTokenizer",
        "JiebaTokenizer",
        "SpacyTokenizer",
        "MitieTokenizer",
        "CountVectorsFeaturizer",
        "SpacyFeaturizer",
        "LexicalSyntacticFeaturizer",
        "MitieFeaturizer",
        "LanguageModelFeaturizer",
        "ConveRTFeaturizer",
        "DIETClassifier",
        "ResponseSelector",
        "SklearnIntentClassifier",
        "LogisticRegressionClassifier",
        "MitieIntentClassifier",
    ]
)
PARTLY = {
    "TEDPolicy": "is replaced by the story that fits best; TED would generalise further here",
    "UnexpecTEDIntentPolicy": "ignored: it never changes an answer",
    "DucklingEntityExtractor": "ignored: numbers, dates and amounts are found only by your own regex: entries",
    "CRFEntityExtractor": "is replaced by patterns, lookup tables and annotated values",
    "SpacyEntityExtractor": "ignored: name the values in lookup tables instead",
    "SpacyNLP": "ignored: no language model is needed",
    "MitieEntityExtractor": "ignored: name the values in lookup tables instead",
}


def parse(source: Source) -> Settings:
    """Return the settings, with a remark for every component and policy that is not the same here."""
    settings = Settings()
    language = source.content.get("language")
    if isinstance(language, str):
        settings.language = language.split("-")[0].lower()
    for key in ("pipeline", "policies"):
        for component, place in source.entries(key):
            name = str(component.get("name", "")).rpartition(".")[2]
            if name in PARTLY:
                source.remarks.warn(place, f"{name} {PARTLY[name]}")
            elif name in REPLACED:
                source.remarks.info(place, f"{name} {OURS}")
            elif name not in SAME:
                source.remarks.warn(place, f"{name or 'a component without a name'} is not known: ignored")
            if name == "FallbackClassifier":
                settings.threshold = _share(source, component, "threshold", 0.3)
                settings.ambiguity = _share(source, component, "ambiguity_threshold", 0.1)
    if not settings.threshold:
        source.remarks.warn(Place(source.name), "without FallbackClassifier every text is read as some intent")
    return settings


def _share(source: Source, component: Any, key: str, default: float) -> float:
    value = component.get(key, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    source.remarks.error(source.at(component, key), f"{key} must be a number from 0 to 1")
    return default
