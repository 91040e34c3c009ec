"""Prompts that are filled together are filled as one by one."""

import pytest

from bachlit.decoding import PART_WRITING, Attack, BeamSearch, Decoder, Gibbs, Greedy, Particles, Rules, Sampling
from bachlit.generation.requests import Request, batches, prompts_together
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut
from bachlit.music.prompt import Prompt

RULES = PART_WRITING & Attack(float("inf"))  # gives way wherever a note begins


def requests(
    model: LanguageModel, bach: list[Chorale], decoder: Decoder | None, num: int = 1, rules: Rules = RULES
) -> list[Request]:
    """Beginnings of three melodies, of different lengths, each with a seed of its own."""
    prompts = [Prompt.voices(cut(bach[index], 0, frames), "soprano") for index, frames in enumerate((24, 8, 16))]
    return [Request(model, one, num, decoder=decoder, rules=rules, seed=seed) for seed, one in enumerate(prompts)]


@pytest.mark.parametrize(
    ("decoder", "num"),
    [(Greedy(), 1), (Sampling(), 2), (BeamSearch(4), 1), (BeamSearch(4, groups=2), 2), (BeamSearch(32, groups=2), 1)],
)
def test_prompts_filled_together_are_filled_as_alone(
    decoder: Decoder, num: int, framed_model: LanguageModel, bach: list[Chorale]
) -> None:
    """Whether it pays off or not: in their order of merit, with what gave way."""
    first, *others = requests(framed_model, bach, decoder, num)
    together = first.fill(*others)
    for one, request in zip(together, [first, *others], strict=True):
        [alone] = request.fill()
        assert one.yielded == alone.yielded
        assert one.yielded
        assert [piece.chorale.pitches.tolist() for piece in one.pieces] == [
            piece.chorale.pitches.tolist() for piece in alone.pieces
        ]
        for piece, same in zip(one.pieces, alone.pieces, strict=True):
            assert piece.log_prob == pytest.approx(same.log_prob, abs=1e-3)
            assert piece.merit == pytest.approx(same.merit, abs=1e-3)


def test_batches_hold_each_request_once_and_only_alike(framed_model: LanguageModel, bach: list[Chorale]) -> None:
    greedy, sampling = Greedy(), Sampling()
    mixed = [
        *requests(framed_model, bach, greedy),
        *requests(framed_model, bach, greedy, rules=PART_WRITING),
        *requests(framed_model, bach, sampling),
        *requests(framed_model, bach, sampling, 16),
        *requests(framed_model, bach, None),
    ]
    found = list(batches(mixed))
    assert sorted(index for batch in found for index in batch) == list(range(len(mixed)))
    for batch in found:
        assert len(batch) <= mixed[batch[0]].together
        assert all(mixed[batch[0]].fits(mixed[index]) for index in batch)
    assert sorted(map(len, found)) == [1, 1, 1, 1, 2, 3, 3, 3]


def test_what_may_have_any_number_of_hypotheses_is_filled_alone() -> None:
    assert [prompts_together(decoder) for decoder in (Gibbs(), Particles(), BeamSearch(512))] == [1, 1, 1]
