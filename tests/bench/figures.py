"""What is done with samples: percentiles, the middle of three, how far they lie apart, and slopes."""

import statistics
from collections.abc import Mapping, Sequence

NOISY = 0.25
"""Largest difference of a figure's repetitions, as a share of their median."""


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that *share* of the sorted samples do not exceed (nearest rank)."""
    if not ordered:
        raise ValueError("no samples")
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(rank, 1) - 1]


def spread(values: Sequence[float]) -> float:
    """How far values lie apart, as a share of their median."""
    return (max(values) - min(values)) / statistics.median(values)


def noisy(values: Sequence[float]) -> bool:
    """Whether repetitions differ too much to be believed."""
    return spread(values) > NOISY


def slope(points: Mapping[int, float]) -> float:
    """Rise per unit of a line through the points (least squares)."""
    return statistics.linear_regression(list(points), list(points.values())).slope
