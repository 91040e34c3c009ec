"""Who suggests a trial's options: every point of a grid once, or a sampler of Optuna's that starts from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bachlit.errors import OptionError
from bachlit.sweeping.extra import BaseSampler
from bachlit.sweeping.points import index_of, root_of
from bachlit.sweeping.space import Point, Space, grid

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

MakeSampler = Callable[..., BaseSampler]
"""What makes a sampler; it takes the keyword `seed` if the sampler does."""


class Grid(BaseSampler):
    """Every point of the sweep's space, each once, in an order that the sweep's seed decides.

    Optuna's own GridSampler wants the space a second time, and several processes may give the same point twice.
    """

    def __init__(self) -> None:
        self.point: Point = {}
        """That of the trial at hand."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """No options are drawn together: the point is known."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Nothing, as no options are drawn together."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The point's value of an option."""
        return self.point[param_name]


class PerTrial(BaseSampler):
    """A new sampler for every trial.

    A trial's suggestion then depends on its number and on the trials before it, not on which process asks for it,
    nor on what the process suggested before: processes with the same seed would else suggest the same.

    Args:
        make: Makes it.
    """

    def __init__(self, make: Callable[[FrozenTrial], BaseSampler]) -> None:
        self.make = make
        self._sampler: BaseSampler = Grid()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Make it."""
        self._sampler = self.make(trial)
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Its own."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Its own."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Its own."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Its own; meanwhile other trials may have begun."""
        self.make(trial).after_trial(study, trial, state, values)


def order(space: Space, seed: int) -> list[Point]:
    """All points of a space, shuffled, so that the first of them are from everywhere.

    Raises:
        OptionError: If they are without end.
    """
    points = grid(space)
    random.Random(seed).shuffle(points)
    return points


def per_trial(make: MakeSampler, points: Sequence[Point] | None, seed: int, study: Study) -> PerTrial:
    """The sampler of a study.

    Args:
        make: Makes a sampler. If it takes a seed and has none, it gets one of the trial's own; one that it has, as
            QMCSampler needs it, is the same for all trials.
        points: Those of a grid, in their order; None for all other samplers.
        seed: The sweep's.
        study: Whose trials are numbered.
    """

    def sampler(trial: FrozenTrial) -> BaseSampler:
        trials = study.get_trials(deepcopy=False)
        if points is not None:
            of_grid = Grid()
            of_grid.point = points[index_of(trial, trials) % len(points)]
            return of_grid
        if options(make).get("seed", 0) is not None:
            return make()
        numbers = np.random.SeedSequence([seed, root_of(trial, trials).number])
        return partial(make, seed=int(numbers.generate_state(1)[0]))()

    return PerTrial(sampler)


def options(make: MakeSampler) -> dict[str, Any]:
    """The options of the sampler that will be made."""
    return dict(getattr(make, "keywords", {}))


def kind(make: MakeSampler) -> type[BaseSampler]:
    """The class of the sampler that will be made.

    Raises:
        OptionError: If its options are refused, or a package that it needs isn't there.
    """
    try:
        return type(make())
    except (ImportError, TypeError, ValueError) as error:
        raise OptionError(f"The sampler can't be made ({error}); correct its options, or choose another.") from error
