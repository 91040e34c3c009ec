"""Numbers of the usual rules that depend on a model, sought so that it moves and colours as Bach does."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bachlit.decoding import LIVELY, BeamSearch
from bachlit.generation.harmonizing import rules_for, write
from bachlit.metrics import (
    colour_counts,
    motion_counts,
    sonority_counts,
    texture_counts,
    total,
)
from bachlit.models.calibration import Calibration
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import FRAMES_PER_QUARTER, Chorale
from bachlit.music.prompt import Prompt

Numbers = Mapping[str, Sequence[float]]

_TOGETHER = 8  # pieces harmonised in a batch
_LONGEST_STEP = 0.3  # nats by which a number may change at once
_SHARE = 0.7  # of the step to take: the numbers help each other


class Aim(NamedTuple):
    """A number and the figure that follows it.

    Attributes:
        rule: Name of the rule.
        place: Which of the rules of this name.
        figure: Pooled over pieces.
        slope: Change of the figure's logarithm per nat, as a first guess.
        low: Least number.
        high: Greatest number.
        share: Of Bach's figure that is aimed at; of faults, less than his.
    """

    rule: str
    place: int
    figure: Callable[[Sequence[Chorale]], float]
    slope: float
    low: float
    high: float
    share: float = 1.0


def _share(count: Callable[[Chorale], Any], part: str, whole: str) -> Callable[[Sequence[Chorale]], float]:
    """Make a figure of a counter's parts."""

    def share(chorales: Sequence[Chorale]) -> float:
        counts = total([count(chorale) for chorale in chorales])
        return float(getattr(counts, part) / max(getattr(counts, whole), 1))

    return share


def _attacks(*voices: str) -> Callable[[Sequence[Chorale]], float]:
    """Make the figure of attacks per quarter in some voices."""
    shares = [_share(texture_counts, f"onsets_{voice}", "frames") for voice in voices]
    return lambda chorales: FRAMES_PER_QUARTER * sum(share(chorales) for share in shares)


AIMS = {
    "attacks of alto and tenor per quarter": Aim("Motion", 0, _attacks("alto", "tenor"), -0.5, -1.6, 0.0),
    "attacks of the bass per quarter": Aim("Motion", 1, _attacks("bass"), -0.5, -1.6, 0.0),
    "off-beat share": Aim("Passing", 0, _share(motion_counts, "off_beat", "beats"), -1.2, -1.5, 0.5),
    "syncopated notes": Aim("Suspension", 0, _share(motion_counts, "syncopated", "notes"), -1.3, -2.0, 0.0),
    "foreign notes": Aim("InKey", 0, _share(colour_counts, "foreign", "notes"), -4.0, -0.6, 1.0),
    "unresolved of sevenths": Aim(
        "Sevenths", 0, _share(sonority_counts, "unresolved_sevenths", "sevenths"), -2.0, 0.3, 3.0, share=0.75
    ),
}
"""What is sought for each number. A rule that keeps sevenths resolved keeps them away, too, if it costs too much."""


class Step(NamedTuple):
    """Numbers that were tried, and the figures under them."""

    numbers: dict[str, list[float]]
    figures: dict[str, float]


def figures_under(model: LanguageModel, prompts: Sequence[Prompt], numbers: Numbers) -> dict[str, float]:
    """Harmonise with a beam of 16 under some numbers, and give the figure of each aim."""
    decoder = BeamSearch(16)
    rules = rules_for(decoder, calibration=Calibration(numbers))
    written: list[Chorale] = []
    for batch in in_batches(prompts):
        written += [one.chorale for one in write(model, batch, decoder=decoder, seeds=[0] * len(batch), rules=rules)]
    return figures_in(written)


def figures_in(chorales: Sequence[Chorale]) -> dict[str, float]:
    """Give the figure of each aim over pieces."""
    return {name: aim.figure(chorales) for name, aim in AIMS.items()}


def in_batches(prompts: Sequence[Prompt]) -> list[Sequence[Prompt]]:
    """Divide prompts, in their order, into batches."""
    return [prompts[first : first + _TOGETHER] for first in range(0, len(prompts), _TOGETHER)]


def usual_numbers() -> dict[str, list[float]]:
    """Give the numbers from which the search begins.

    >>> usual_numbers()["Motion"]
    [-0.85, -0.5]
    """
    names = dict.fromkeys(aim.rule for aim in AIMS.values())
    return {name: [rule.weight for rule in LIVELY if str(rule) == name] for name in names}


def next_numbers(steps: Sequence[Step], bach: Mapping[str, float]) -> dict[str, list[float]]:
    """Take a step of each number towards Bach's figure, all at once.

    Each is a search of its own in one dimension, by secants of the figure's logarithm.

    Args:
        steps: Those taken, at least one.
        bach: Bach's figures.

    >>> begun = Step(usual_numbers(), dict.fromkeys(AIMS, 0.1) | {"foreign notes": 0.2})
    >>> next_numbers([begun], dict.fromkeys(AIMS, 0.1))["InKey"][0] > begun.numbers["InKey"][0]
    True
    """
    last = steps[-1]
    numbers = {name: list(some) for name, some in last.numbers.items()}
    for name, aim in AIMS.items():
        slope = _slope(steps, name, aim)
        missing = _log(aim.share * bach[name]) - _log(last.figures[name])
        change = max(-_LONGEST_STEP, min(_LONGEST_STEP, _SHARE * missing / slope))
        number = numbers[aim.rule][aim.place] + change
        numbers[aim.rule][aim.place] = round(max(aim.low, min(aim.high, number)), 3)
    return numbers


def _slope(steps: Sequence[Step], name: str, aim: Aim) -> float:
    """Slope between the last two steps, within a factor of two of the first guess."""
    if len(steps) < 2:
        return aim.slope
    (before, now) = (step.numbers[aim.rule][aim.place] for step in steps[-2:])
    (was, became) = (_log(step.figures[name]) for step in steps[-2:])
    if abs(now - before) < 0.02:
        return aim.slope
    steepness = (became - was) / (now - before) / aim.slope
    return aim.slope * max(0.5, min(2.0, steepness))


def badness(figures: Mapping[str, float], bach: Mapping[str, float]) -> float:
    """Mean squared distance of the figures' logarithms from those aimed at."""
    gaps = [_log(figures[name]) - _log(aim.share * bach[name]) for name, aim in AIMS.items()]
    return sum(gap**2 for gap in gaps) / len(gaps)


def _log(figure: float) -> float:
    return math.log(max(figure, 1e-3))
