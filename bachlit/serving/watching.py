"""Watch a decoding: count its steps, report progress, break it off."""

from collections.abc import Callable

from torch import Tensor

from bachlit.models.language_model import LanguageModel
from bachlit.networks.base import Memory, Stepper


class CancelledWork(Exception):  # noqa: N818  # no error: the client left
    """Nobody waits for the result any more."""


class Watch:
    """Count the tokens of a job's decodings.

    Args:
        report: Called at each step with the share that is done; what it raises ends the decoding.
    """

    def __init__(self, report: Callable[[float], None]) -> None:
        self._report = report
        self._expected, self._counted = 1, 0

    def expect(self, num_tokens: int) -> None:
        """Set how many tokens the job will read or write, all in all."""
        self._expected, self._counted = max(1, num_tokens), 0

    def count(self, num_tokens: int) -> None:
        """Count tokens that are about to be read or written."""
        self._report(min(1.0, self._counted / self._expected))
        self._counted += num_tokens

    def model(self, model: LanguageModel) -> LanguageModel:
        """Make a model of the same weights whose steps are counted."""
        return _Watched(model, self)


class _Watched(LanguageModel):
    def __init__(self, model: LanguageModel, watch: Watch) -> None:
        super().__init__(model.network, model.encoding, model.keys)
        self.calibration = model.calibration
        self._watch = watch

    def predictor(self) -> Stepper:
        """Make a predictor whose steps are counted."""
        return _Counted(super().predictor(), self._watch)


class _Counted(Stepper):
    def __init__(self, stepper: Stepper, watch: Watch) -> None:
        self._stepper, self._watch = stepper, watch

    def begin(self, batch_size: int) -> Memory:
        return self._stepper.begin(batch_size)

    def step(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        self._watch.count(1)
        return self._stepper.step(tokens, memory)

    def read(self, tokens: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        self._watch.count(tokens.shape[1])
        return self._stepper.read(tokens, memory)

    def select(self, memory: Memory, index: Tensor) -> Memory:
        return self._stepper.select(memory, index)
