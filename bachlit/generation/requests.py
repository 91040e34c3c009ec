"""Request: a prompt ready to be filled, alone or beside others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from bachlit.decoding import Decoder, Rules, StepDecoder
from bachlit.errors import BachlitError, PromptError
from bachlit.generation.harmonizing import CANDIDATES, ask, fill, harmonizer
from bachlit.generation.limits import refuse_num
from bachlit.generation.metre import Beat
from bachlit.generation.written import Filled
from bachlit.models.language_model import LanguageModel
from bachlit.music.prompt import Prompt

# Most hypotheses side by side. On one core, 16 tunes together take a greedy decoder a fifth of the time of 16 alone,
# 8 a beam of 4 a third, 2 a beam of 16 nine tenths. With more, nearly all time goes into the rows themselves.
_HYPOTHESES = 32
_ON_GPU = 32  # times as many there: its steps take as long for one row as for a thousand
_FRAMES = 8192  # most sixteenths side by side, which take up to half a gigabyte


class Request:
    """Prompt that is moved to what a model knows, with how it is filled.

    Args:
        model: Predicts the tokens.
        prompt: What is given, with its phrase ends.
        num: How many ways at most.
        decoder: Chooses the notes; `harmonizer` if None, of whose pieces for one way the best is taken.
        rules: What the free notes must keep.
        strict: Raise where a rule would have to give way.
        beat: The note value that counts as a beat.
        seed: The same seed gives the same result.

    Raises:
        PromptError: If a voice that is given whole only rests.
        OptionError: If something given is too short for the beat.
    """

    def __init__(
        self,
        model: LanguageModel,
        prompt: Prompt,
        num: int,
        *,
        decoder: Decoder | None,
        rules: Rules,
        strict: bool = False,
        beat: Beat = "auto",
        seed: int = 0,
    ) -> None:
        self.prompt, self.num, self.seed = prompt, num, seed
        self._tried = CANDIDATES if decoder is None and num == 1 else num
        self._model, self._decoder = model, decoder or harmonizer(num)
        self._rules, self._strict = rules, strict
        self._asked = ask(model, prompt, rules, beat)

    @property
    def num_frames(self) -> int:
        """Length in the model's sixteenths."""
        return self._asked.moved.piece.num_frames

    @property
    def together(self) -> int:
        """Most prompts that are filled faster together than alone."""
        return prompts_together(self._decoder, self._tried, self._model.device.type)

    def leaves_room(self, others: int) -> bool:
        """Check whether a number of others, none longer, fit into memory beside it."""
        frames = (others + 1) * self._tried * self.num_frames
        return frames <= _FRAMES * (_ON_GPU if self._model.device.type == "cuda" else 1)

    def fits(self, other: "Request") -> bool:
        """Check whether one decoding can fill both."""
        return (self._model, self._decoder, self._tried, self._rules, self._strict) == (
            other._model,
            other._decoder,
            other._tried,
            other._rules,
            other._strict,
        )

    def fill(self, *others: "Request") -> list[Filled]:
        """Fill the prompt, and others that fit it.

        Pieces are those that each gives alone; their log-probabilities may be rounded otherwise.

        Raises:
            DeadEndError: If nothing is left to choose in one of them.
        """
        requests = [self, *others]
        return fill(
            self._model,
            [request._asked for request in requests],
            decoder=self._decoder,
            seeds=[request.seed for request in requests],
            num=self.num,
            tried=self._tried,
            rules=self._rules,
            strict=self._strict,
        )


def refuse_request(prompt: Prompt, num: int) -> None:
    """Refuse what can't be filled, before a model is asked.

    Args:
        prompt: What is given.
        num: How many ways at most.

    Raises:
        PromptError: If nothing is left to write.
        OptionError: If `num` is outside its range.
    """
    refuse_num(num, "harmonisations can't be written", prompt.chorale.num_frames)
    if prompt.given.all():
        raise PromptError(
            f"All of {prompt.chorale.name or 'the chorale'} is given; expected something to write; give fewer voices."
        )


def prompts_together(decoder: Decoder | None, num: int = 1, device: str = "cpu") -> int:
    """Count the prompts that a decoder fills faster together than one by one.

    A beam of many hypotheses has large matrices already, and gains nothing but the padding.

    Args:
        decoder: Chooses the notes; `harmonizer` if None.
        num: How many ways each prompt is filled in.
        device: Type of the model's device; a GPU takes more.

    >>> from bachlit.decoding import BeamSearch, Greedy
    >>> prompts_together(Greedy()), prompts_together(BeamSearch(16)), prompts_together(None)
    (32, 2, 1)
    >>> prompts_together(BeamSearch(16), device="cuda")
    64
    """
    if not isinstance(decoder, StepDecoder):
        return 1
    return max(1, _HYPOTHESES * (_ON_GPU if device == "cuda" else 1) // (decoder.hypotheses * num))


def batches(requests: Sequence[Request]) -> Iterator[list[int]]:
    """Group requests, by index, into decodings: alike, of similar length, and no larger than pays off."""
    waiting = sorted(range(len(requests)), key=lambda index: requests[index].num_frames)
    while waiting:
        first = requests[waiting[0]]
        batch: list[int] = []
        for index in waiting:
            small = len(batch) < first.together and requests[index].leaves_room(len(batch))
            if not batch or (small and first.fits(requests[index])):
                batch.append(index)
        waiting = [index for index in waiting if index not in batch]
        yield batch


def fill_all(requests: Mapping[int, Request]) -> Iterator[tuple[int, Callable[[], Filled]]]:
    """Fill requests, together where that is faster.

    Args:
        requests: By index.

    Yields:
        Each index once, with what gives the pieces, or raises the error of that request alone.
    """
    indices = [*requests]
    for batch in batches([*requests.values()]):
        together = [indices[place] for place in batch]
        first, *others = (requests[index] for index in together)
        try:
            filled = first.fill(*others) if others else []
        except BachlitError:  # of one of them
            filled = []
        for place, index in enumerate(together):
            yield index, partial(_given, filled[place]) if filled else partial(_alone, requests[index])


def _given(filled: Filled) -> Filled:
    return filled


def _alone(request: Request) -> Filled:
    return request.fill()[0]
