"""Motion on cases that can be counted on one's fingers, and on Bach."""

from dataclasses import replace

import numpy as np
import pytest

from bachlit.metrics import beats, longest_alternation, motion_counts, total
from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.keys import Key


def moving(voice: str, notes: list[tuple[int, int]], *, metre: tuple[int, int] = (4, 4), pickup: int = 0) -> Chorale:
    """Notes (pitch, length) in one voice, the others' in sixteenths of rest; each note begins anew."""
    lengths = [length for _, length in notes]
    pitches = np.zeros((sum(lengths), 4), int)
    onsets = np.zeros((sum(lengths), 4), bool)
    column = VOICES.index(voice)  # type: ignore[arg-type]
    pitches[:, column] = np.repeat([pitch for pitch, _ in notes], lengths)
    onsets[np.cumsum([0, *lengths[:-1]]), column] = True
    fermatas = np.zeros(len(pitches), bool)
    return Chorale(pitches=pitches, onsets=onsets, fermatas=fermatas, time_signature=metre, pickup=pickup)


@pytest.mark.parametrize(
    ("notes", "alternating", "longest"),
    [
        ([(48, 2), (50, 2)] * 2, 4, 4),
        ([(48, 2), (50, 2)] * 3, 6, 6),
        ([(48, 2), (50, 2), (48, 2)], 0, 0),  # a neighbour and back
        ([(48, 2), (50, 2), (48, 2), (50, 4)], 0, 0),  # the last is a quarter
        ([(48, 4), (50, 4)] * 2, 0, 0),
        ([(48, 2)] * 6, 0, 0),
        ([(48, 2), (50, 2), (48, 2), (50, 2), (52, 2), (50, 2), (52, 2)], 8, 4),  # two runs that share a note
        ([(48, 2), (50, 2), (0, 2), (48, 2), (50, 2)], 0, 0),
    ],
)
def test_alternation_is_four_eighths_there_and_back(
    notes: list[tuple[int, int]], alternating: int, longest: int
) -> None:
    for voice in VOICES[1:]:
        chorale = moving(voice, notes)
        assert (motion_counts(chorale).alternating, longest_alternation(chorale)) == (alternating, longest)
    assert motion_counts(moving("soprano", notes)).alternating == 0


@pytest.mark.parametrize(
    ("metre", "length"), [((4, 4), 4), ((6, 8), 6), ((2, 2), 8), ((3, 4), 4), ((12, 8), 6), ((3, 8), 6)]
)
def test_off_beat_motion_is_told_by_the_heard_beat(metre: tuple[int, int], length: int) -> None:
    on = moving("alto", [(60, length), (62, length)], metre=metre)
    off = moving("alto", [(60, length - 2), (62, length + 2)], metre=metre)
    assert [motion_counts(one)[4:7] for one in (on, off)] == [(2, 0, 0), (2, 1, 1)]
    upbeat = moving("alto", [(60, 2), (62, length)], metre=metre, pickup=2)
    assert beats(upbeat).tolist() == [[0, 2], [2, 2 + length]]
    assert motion_counts(upbeat).off_beat == 0


@pytest.mark.parametrize(
    ("first", "second", "awkward"),
    [
        (60, 62, 0),
        (60, 66, 1),  # a tritone
        (60, 69, 0),
        (60, 70, 1),  # a seventh
        (60, 72, 1),
        (65, 68, 1),  # an augmented second in A minor
        (69, 72, 0),  # a minor third
        (68, 72, 1),  # a diminished fourth
    ],
)
def test_inner_voices_have_awkward_intervals(first: int, second: int, awkward: int) -> None:
    for notes in ([(first, 4), (second, 4)], [(second, 4), (first, 4)]):
        chorale = replace(moving("tenor", notes), key=Key(0, "minor"))
        assert motion_counts(chorale)[7:9] == (1, awkward)
        assert motion_counts(replace(moving("bass", notes), key=Key(0, "minor")))[7:9] == (0, 0)
    assert motion_counts(moving("alto", [(68, 4), (71, 4)])).awkward == 0  # no augmented second in C major


@pytest.mark.parametrize(
    ("lengths", "tied"),
    [
        ([6, 6], 0),
        ([12], 0),  # it begins and ends with beats
        ([4, 4, 4], 1),  # as in 3/4
        ([2, 10], 1),
        ([6, 2, 4], 0),
        ([8, 4], 1),
    ],
)
def test_lower_voices_are_tied_over_the_half_bar(lengths: list[int], tied: int) -> None:
    lower = moving("bass", [(48 + 2 * index, length) for index, length in enumerate(lengths)], metre=(6, 8))
    for tune, counted in (([6, 6], tied), ([4, 2, 6], tied), ([12], 0), ([4, 8], 0)):
        upper = moving("soprano", [(72 + index, length) for index, length in enumerate(tune)], metre=(6, 8))
        both = replace(lower, pitches=lower.pitches + upper.pitches, onsets=lower.onsets | upper.onsets)
        assert motion_counts(both)[9:] == (1, counted)
    assert motion_counts(replace(lower, time_signature=(3, 4)))[9:] == (0, 0)


def test_bach_moves_between_half_of_the_beats_and_hardly_alternates(bach: list[Chorale]) -> None:
    counts = total([motion_counts(chorale) for chorale in bach])
    assert counts[:4] == (72496, 504, 10295, 1408)
    assert counts[4:7] == (21895, 11163, 708)
    assert counts[7:] == (37374, 324, 0, 0)
    assert max(map(longest_alternation, bach)) == 5
