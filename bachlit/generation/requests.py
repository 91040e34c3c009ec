"""Request: a prompt ready to be filled, alone or beside others."""

from collections.abc import Iterator, Sequence

from bachlit.decoding import Decoder, Rules, StepDecoder
from bachlit.errors import PromptError
from bachlit.generation.harmonizing import CANDIDATES, ask, fill, harmonizer
from bachlit.generation.limits import refuse_num
from bachlit.generation.metre import Beat, told_beat
from bachlit.generation.written import Filled
from bachlit.models.language_model import LanguageModel
from bachlit.music.prompt import Prompt

# Most hypotheses side by side. On one core, 16 tunes together take a greedy decoder a fifth of the time of 16 alone,
# 8 a beam of 4 a third, 2 a beam of 16 nine tenths. With more, nearly all time goes into the rows themselves.
_HYPOTHESES = 32
_FRAMES = 8192  # most sixteenths side by side, which take up to half a gigabyte


class Request:
    """Prompt that is checked, and moved to what a model knows.

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
        PromptError: If a given voice only rests, or nothing is left to write.
        OptionError: If `num` is outside its range, or something given is too short for the beat.
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
        refuse_num(num, "harmonisations can't be written", prompt.chorale.num_frames)
        if prompt.given.all():
            raise PromptError(
                f"All of {prompt.chorale.name or 'the chorale'} is given; expected something to write; give fewer "
                "voices."
            )
        self.prompt, self.num, self.seed = prompt, num, seed
        self._tried = CANDIDATES if decoder is None and num == 1 else num
        self._model, self._decoder = model, decoder or harmonizer(num)
        self._rules, self._strict = rules, strict
        self._asked = ask(model, prompt, rules, told_beat(prompt, beat))

    @property
    def num_frames(self) -> int:
        """Length in the model's sixteenths."""
        return self._asked.moved.piece.num_frames

    @property
    def together(self) -> int:
        """Most prompts that are filled faster together than alone."""
        return prompts_together(self._decoder, self._tried)

    def fits(self, other: "Request") -> bool:
        """Tell whether one decoding can fill both."""
        return (self._model, self._decoder, self._tried, self._rules, self._strict) == (
            other._model,
            other._decoder,
            other._tried,
            other._rules,
            other._strict,
        )

    def fill(self, *others: "Request") -> list[Filled]:
        """Fill the prompt, and others that fit it; the pieces don't depend on what is filled together.

        Raises:
            DeadEndError: If nothing is left to choose in one of them.
        """
        requests = [self, *others]
        filled = fill(
            self._model,
            [request._asked for request in requests],
            decoder=self._decoder,
            seeds=[request.seed for request in requests],
            num=self._tried,
            rules=self._rules,
            strict=self._strict,
        )
        return [one._replace(pieces=one.pieces[: self.num]) for one in filled]


def prompts_together(decoder: Decoder | None, num: int = 1) -> int:
    """Count the prompts that a decoder fills faster together than one by one.

    A beam of many hypotheses has large matrices already, and gains nothing but the padding.

    Args:
        decoder: Chooses the notes; `harmonizer` if None.
        num: How many ways each prompt is filled in.

    >>> from bachlit.decoding import BeamSearch, Greedy
    >>> prompts_together(Greedy()), prompts_together(BeamSearch(16)), prompts_together(None)
    (32, 2, 1)
    """
    if not isinstance(decoder, StepDecoder):
        return 1
    return max(1, _HYPOTHESES // (decoder.hypotheses * num))


def batches(requests: Sequence[Request]) -> Iterator[list[int]]:
    """Group requests, by index, into decodings: alike, of similar length, and no larger than pays off."""
    waiting = sorted(range(len(requests)), key=lambda index: requests[index].num_frames)
    while waiting:
        first = requests[waiting[0]]
        batch: list[int] = []
        for index in waiting:
            one = requests[index]
            small = len(batch) < first.together and (len(batch) + 1) * one.num * one.num_frames <= _FRAMES
            if not batch or (small and first.fits(one)):
                batch.append(index)
        waiting = [index for index in waiting if index not in batch]
        yield batch
