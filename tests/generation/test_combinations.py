"""Nothing that can be asked for breaks the grammar or a given cell: random prompts, rules, decoders and seeds."""

import warnings

import numpy as np
import pytest
from chorales import METRES, random_chorale
from sizes import size

from bachlit.decoding import (
    Attack,
    BeamSearch,
    Decoder,
    FinalTonic,
    Gibbs,
    Greedy,
    InKey,
    LargestLeap,
    NoCrossing,
    NoHidden,
    NoOverlap,
    NoParallels,
    Particles,
    Ranges,
    Rule,
    Rules,
    Sampling,
    Sounding,
    Spacing,
)
from bachlit.errors import PromptError
from bachlit.generation.harmonizing import write
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import REST, BoolArray, Chorale, cut
from bachlit.music.prompt import Prompt

RULES: list[type[Rule]] = [
    Attack, FinalTonic, InKey, LargestLeap, NoCrossing, NoHidden, NoOverlap, NoParallels, Ranges, Sounding, Spacing,
]  # fmt: skip


def decoder(random: np.random.Generator) -> Decoder:
    temperature = float(10 ** random.uniform(-3, 1))
    return [
        Greedy(),
        Sampling(temperature, top_k=int(random.integers(0, 5))),
        Sampling(temperature, top_p=float(random.uniform(0.05, 1)), min_p=float(random.choice([0, 0.3]))),
        BeamSearch(int(random.integers(1, 7))),
        BeamSearch(6, groups=int(random.choice([2, 3]))),
        Particles(int(random.integers(1, 9)), threshold=float(random.random()), temperature=max(temperature, 0.05)),
        Particles(4, lookahead=int(random.integers(1, 4)), horizon=int(random.integers(1, 4))),
        Gibbs(
            Sampling(temperature), rounds=2, block=int(random.integers(1, 9)), temperature=float(random.choice([0, 1]))
        ),
    ][random.integers(8)]


def rules(random: np.random.Generator) -> Rules | None:
    """Some rules in any order, soft, hard, rewarded or ignored; or the usual ones."""
    if random.random() < 0.3:
        return None
    chosen = random.permutation(len(RULES))[: random.integers(0, len(RULES) + 1)]
    return Rules(tuple(RULES[index](float(random.choice([np.inf, np.inf, 5.0, 0.5, 0.0, -1.0]))) for index in chosen))


def prompt(random: np.random.Generator, bach: list[Chorale]) -> Prompt:
    piece = bach[random.integers(len(bach))]
    if random.random() < 0.3:
        numerator, denominator = METRES[random.integers(len(METRES))]
        piece = random_chorale(
            int(random.integers(2**32)), num_frames=int(random.integers(1, 25)), metre=(numerator, denominator)
        )
    length = int(random.integers(1, 25))
    first = int(random.integers(max(1, piece.num_frames - length + 1)))
    piece = cut(piece, first, min(first + length, piece.num_frames))
    shape = piece.pitches.shape
    masks: list[BoolArray] = [
        np.isin(np.arange(4), random.permutation(4)[: random.integers(0, 4)])[None].repeat(shape[0], 0),
        random.random(shape) < random.random(),
        np.repeat(random.random((shape[0], 1)) < 0.5, 4, 1),
    ]
    return Prompt(piece, masks[random.integers(3)], random.random(shape) < random.choice([0, 0, 0.5]))


@pytest.mark.parametrize("block", range(size(10, 2)))
def test_no_output_ever_breaks_the_grammar_or_a_given_cell(
    block: int, small_model: LanguageModel, bach: list[Chorale]
) -> None:
    """What breaks the grammar can't be decoded, so that it decodes says that it is legal; the untrained model helps
    nothing. Of the combinations at most one in twenty may be refused, for notes that no move brings into range."""
    random = np.random.default_rng(block)
    refused = 0
    num = size(100, 20)
    for _ in range(num):
        given, chosen, how = prompt(random, bach), rules(random), decoder(random)
        seed = int(random.integers(2**40))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                [written] = write(small_model, [given], decoder=how, seeds=[seed], rules=chosen)
        except PromptError:
            refused += 1
            continue
        told = f"{given}, {chosen}, {how}, seed {seed}"
        assert np.isfinite([written.log_prob, written.score, written.cost]).all(), told
        chorale, asked = written.chorale, given.chorale
        assert np.array_equal(chorale.pitches[given.given], asked.pitches[given.given]), told
        # Whether a rest begins depends on what is written before it.
        timed = (given.given | given.rhythm) & (asked.pitches != REST)
        assert np.array_equal(chorale.onsets[timed], asked.onsets[timed]), told
        assert np.array_equal(chorale.fermatas, asked.fermatas), told
        assert chorale.num_frames == asked.num_frames, told
    assert refused <= num / 20
