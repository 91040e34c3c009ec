"""Rules of motion decide their cases: what leads on, what goes to and fro, what only comes again."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
import torch

from bachlit.decoding import (
    Grid,
    Motion,
    NoOscillation,
    NoteAgainstNote,
    Passing,
    Rule,
    Sampling,
    Sounding,
    Suspension,
    Variety,
)
from bachlit.encoding import SatbEncoding
from bachlit.generation.grids import grid_behind
from bachlit.generation.harmonizing import write
from bachlit.generation.metre import SCALES
from bachlit.generation.prompts import model_prompt
from bachlit.metrics import longest_alternation
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale
from bachlit.music.prompt import Prompt
from bachlit.testing import charges

ENCODING = SatbEncoding()
TUNE = [72] * 4 + [74] * 8 + [76] * 4


def charged(rule: Rule, bass: Sequence[int], *, ends: int | None = None) -> list[int]:
    """Frames in which a bass, with a note per change of pitch, breaches a rule under a tune in quarters."""
    piece = Chorale.from_pitches([[tune, 0, 0, low] for tune, low in zip(TUNE, bass, strict=True)])
    fermatas = np.arange(16) >= (16 if ends is None else ends)
    given = np.tile([True, True, True, False], (16, 1))
    found = charges(rule, ENCODING, [dataclasses.replace(piece, fermatas=fermatas)], [given])[0, :, 1]
    return [frame for frame, count in enumerate(found.tolist()) for _ in range(int(count))]


def eighths(*pitches: int) -> list[int]:
    return [pitch for pitch in pitches for _ in range(2)]


def test_a_quick_note_and_back_is_no_motion() -> None:
    motion = Motion(1.0)
    assert charged(motion, eighths(48, 50, 48, 50, 52, 53, 55, 57)) == [0, 2, 8, 10, 12]
    assert charged(motion, [48] * 4 + [50] * 4 + [48] * 4 + [50] * 4) == [0, 4, 8, 12]
    assert charged(motion, eighths(48, 50, 52, 53, 55, 53, 52, 50), ends=12)[-1] == 12


def test_steps_off_the_beat_pass_where_they_go_on() -> None:
    assert charged(Passing(1.0), eighths(48, 50, 52, 53, 52, 53, 55, 60)) == [2, 6]


@pytest.mark.parametrize(
    ("tenor", "bass", "frames"),
    [
        ([60] * 6 + [59] * 10, [48] * 4 + [43] * 12, [6]),  # a fourth that falls to a third
        ([60] * 8 + [59] * 8, [48] * 4 + [43] * 12, [8]),
        ([60] * 6 + [62] * 10, [48] * 4 + [43] * 12, []),  # it rises
        ([60] * 6 + [59] * 10, [48] * 16, []),  # a consonance
        ([60] * 6 + [59] * 10, [43] * 16, []),  # dissonant before
        ([62] * 4 + [60] * 2 + [59] * 10, [48] * 4 + [43] * 12, []),  # struck on the beat
        ([60] * 6 + [57] * 10, [48] * 4 + [43] * 12, []),  # it leaps
    ],
)
def test_a_suspension_is_held_into_a_dissonance_and_steps_down(
    tenor: list[int], bass: list[int], frames: list[int]
) -> None:
    piece = Chorale.from_pitches([[tune, 0, one, low] for tune, one, low in zip(TUNE, tenor, bass, strict=True)])
    given = np.tile([True, True, False, False], (16, 1))
    found = charges(Suspension(1.0), ENCODING, [piece], [given])[0]
    assert sorted(np.flatnonzero(found.sum(-1).numpy()).tolist()) == frames


@pytest.mark.parametrize(
    ("bass", "frames"),
    [((48, 50, 48, 50, 48, 50, 52, 53), [6, 8, 10]), ((48, 50, 48, 52, 48, 50, 52, 50), [])],
)
def test_notes_to_and_fro_are_counted_from_the_fourth_on(bass: tuple[int, ...], frames: list[int]) -> None:
    assert charged(NoOscillation(), eighths(*bass)) == frames
    piece = Chorale.from_pitches([[tune, 67, 64, low] for tune, low in zip(TUNE, eighths(*bass), strict=True)])
    assert longest_alternation(piece) == (len(frames) + 3 if frames else 0)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
def test_a_grid_knows_of_doubled_values(scale: Fraction) -> None:
    tunes = [Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (72, 74) for _ in range(length)]) for length in (8, 4)]
    prompts = [model_prompt(ENCODING, Prompt.voices(tune, "soprano"), scale=scale) for tune in tunes]
    assert grid_behind(ENCODING, prompts).doubled.tolist() == [scale == 2] * 2


def test_eighths_to_and_fro_count_where_they_are_heard_as_quarters(monkeypatch: pytest.MonkeyPatch) -> None:
    bass = [pitch for pitch in (48, 50) * 2 for _ in range(4)]
    assert charged(NoOscillation(), bass) == []
    monkeypatch.setattr(Grid, "doubled", property(lambda grid: torch.ones(len(grid.end), dtype=torch.bool)))
    assert charged(NoOscillation(), bass) == [12]


@pytest.mark.parametrize(
    ("second", "closes", "frames"), [(48, False, [16, 20, 24, 28]), (45, False, [20, 24, 28]), (48, True, [16])]
)
def test_a_bar_that_returns_has_another_bass_on_its_beats(second: int, closes: bool, frames: list[int]) -> None:
    """But for cadences: from the beat before a phrase's last note on."""
    tune = [72] * 4 + [74] * 4 + [76] * 8
    bass = [48] * 4 + [43] * 4 + [48] * 8 + [second] * 4 + [43] * 4 + [48] * 8
    end = [] if closes else [74] * 4 + [72] * 8
    notes = zip(tune * 2 + end, bass + [48] * len(end), strict=True)
    piece = Chorale.from_pitches([[high, 67, 60, low] for high, low in notes])
    onsets = piece.onsets.copy()
    onsets[16] = True
    soprano = np.tile([True, False, False, False], (piece.num_frames, 1))
    found = charges(Variety(), ENCODING, [dataclasses.replace(piece, onsets=onsets)], [soprano])[0, :, 1]
    assert np.flatnonzero(found.numpy()).tolist() == frames


@pytest.mark.parametrize(("scale", "alike"), [(Fraction(1), 4), (Fraction(2), 12)])
def test_cadences_may_be_alike_from_a_written_beat_before_they_end(scale: Fraction, alike: int) -> None:
    bar = [72] * 8 + [74] * 8
    tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in bar + bar + [72] * 8])
    onsets = tune.onsets.copy()
    onsets[16] = True
    prompt = Prompt.voices(dataclasses.replace(tune, onsets=onsets), "soprano")
    [returns] = grid_behind(ENCODING, [model_prompt(ENCODING, prompt, scale=scale)]).returns.tolist()
    second, last = 16 * scale.numerator, 32 * scale.numerator
    assert returns[second : last - alike] == list(range(second - alike))
    assert set(returns[last - alike :]) == {-1}


def test_plain_hymns_move_note_against_note(small_model: LanguageModel) -> None:
    tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (72, 74, 76, 76) for _ in range(6)])
    for seed in range(3):
        [written] = write(
            small_model,
            [Prompt.voices(tune, "soprano")],
            decoder=Sampling(2.0),
            seeds=[seed],
            rules=Sounding() & NoteAgainstNote(),
        )
        assert (written.chorale.onsets == written.chorale.onsets[:, :1]).all()
