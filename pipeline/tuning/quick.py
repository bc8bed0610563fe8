"""Which detectors are fitted in seconds, as the registry says: those on frozen features, and the baselines."""

from pipeline.detectors.on_features import FeatureSettings
from pipeline.detectors.registry import BASELINES, names, settings_class


def on_features() -> list[str]:
    """Every detector that is fitted to the features of a frozen network."""
    return [name for name in names() if issubclass(settings_class(name), FeatureSettings)]


def is_quick(name: str) -> bool:
    """Whether a detector is fitted in seconds, so that ``quick_detectors`` is the list for it."""
    return name in (*on_features(), *BASELINES)
