"""Numbers of the usual rules that depend on a model, sought so that it moves and colours as Bach does."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from bachlit.decoding import LIVELY, BeamSearch
from bachlit.generation.harmonizing import rules_for, write
from bachlit.metrics import (
    TextureCounts,
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


def _inner_attacks(chorales: Sequence[Chorale]) -> float:
    counts = _texture(chorales)
    return FRAMES_PER_QUARTER * (counts.onsets_alto + counts.onsets_tenor) / counts.frames


def _bass_attacks(chorales: Sequence[Chorale]) -> float:
    counts = _texture(chorales)
    return FRAMES_PER_QUARTER * counts.onsets_bass / counts.frames


def _off_beat(chorales: Sequence[Chorale]) -> float:
    counts = total([motion_counts(chorale) for chorale in chorales])
    return counts.off_beat / max(counts.beats, 1)


def _foreign(chorales: Sequence[Chorale]) -> float:
    counts = total([colour_counts(chorale) for chorale in chorales])
    return counts.foreign / max(counts.notes, 1)


def _syncopated(chorales: Sequence[Chorale]) -> float:
    counts = total([motion_counts(chorale) for chorale in chorales])
    return counts.syncopated / max(counts.notes, 1)


def _unresolved(chorales: Sequence[Chorale]) -> float:
    counts = total([sonority_counts(chorale) for chorale in chorales])
    return counts.unresolved_sevenths / max(counts.sevenths, 1)


def _texture(chorales: Sequence[Chorale]) -> TextureCounts:
    return total([texture_counts(chorale) for chorale in chorales])


AIMS = {
    "attacks of alto and tenor per quarter": Aim("Motion", 0, _inner_attacks, -0.5, -1.6, 0.0),
    "attacks of the bass per quarter": Aim("Motion", 1, _bass_attacks, -0.5, -1.6, 0.0),
    "off-beat share": Aim("Passing", 0, _off_beat, -1.2, -1.5, 0.5),
    "syncopated notes": Aim("Suspension", 0, _syncopated, -1.3, -2.0, 0.0),
    "foreign notes": Aim("InKey", 0, _foreign, -4.0, -0.6, 1.0),
    "unresolved of sevenths": Aim("Sevenths", 0, _unresolved, -2.0, 0.3, 3.0, share=0.75),
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
