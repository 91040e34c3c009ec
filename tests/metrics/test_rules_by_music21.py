"""The counters against music21's `VoiceLeadingQuartet`, written by others and fed with names instead of numbers.

Where the two define alike, they must count alike. They differ, on purpose, in this, and the tests decide it so:

- From a unison to an octave, or back, is parallel octaves here; there only in contrary motion, in similar it is hidden.
- From a diminished fifth to a perfect one in similar motion is hidden here, as only perfect fifths are parallel; there
  both are fifths, so that the motion is parallel, hides nothing, and yet is no parallel fifth. Likewise from augmented
  ones, and from such octaves.
- Hidden ones count here between the outer voices where the soprano leaps; there in any motion of any two voices.
- Here a fifth is seven semitones; there it must be written as one, and G-sharp with E-flat isn't.
- A crossing is counted here once a frame; there a quartet tells whether there is one in either of two frames.
"""

import dataclasses
from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from music21.pitch import Pitch
from music21.voiceLeading import VoiceLeadingQuartet
from sizes import size

from bachlit.metrics import RuleCounts, rule_counts, total
from bachlit.music.chorale import Chorale
from bachlit.scores.writing.spelling import Spelling, spell_voice

SHARED = (
    "parallel_fifths",
    "parallel_octaves",
    "similar_fifths",
    "similar_octaves",
    "hidden_fifths",
    "hidden_octaves",
    "crossings",
)


class Heard(NamedTuple):
    """What music21 says of two voices in two frames."""

    fifths: bool
    unisons_or_octaves: bool
    hidden_fifth: bool
    hidden_octave: bool
    similar: bool
    other_quality: bool
    crosses: bool
    before: str
    after: str


@cache
def pitch(spelling: Spelling) -> Any:
    step, alter, octave = spelling
    return Pitch(f"{step}{'#' * alter}{'-' * -alter}{octave}")


@cache
def heard(upper: tuple[Spelling, Spelling], lower: tuple[Spelling, Spelling]) -> Heard:
    quartet = VoiceLeadingQuartet(*map(pitch, (*upper, *lower)))
    before, after = (interval.semiSimpleName for interval in quartet.vIntervals)
    return Heard(
        fifths=quartet.parallelFifth(),
        unisons_or_octaves=quartet.parallelUnisonOrOctave(),
        hidden_fifth=quartet.hiddenFifth(),
        hidden_octave=quartet.hiddenOctave(),
        similar=quartet.similarMotion(),
        other_quality=quartet.parallelMotion(allowOctaveDisplacement=True) and before != after,
        crosses=quartet.voiceCrossing(),
        before=before,
        after=after,
    )


def as_counted_here(one: Heard, *, outer: bool, leaps: bool) -> RuleCounts:
    """Music21's answers, and then the differences that are listed above, in its own words."""
    other_octave = one.similar and {one.before, one.after} == {"P1", "P8"}
    hidden = outer and leaps
    parallel_octaves = one.unisons_or_octaves or other_octave
    return RuleCounts(
        parallel_fifths=int(one.fifths),
        parallel_octaves=int(parallel_octaves),
        similar_fifths=int(one.fifths and one.similar),
        similar_octaves=int(parallel_octaves and one.similar),
        hidden_fifths=int(hidden and (one.hidden_fifth or (one.other_quality and one.after == "P5"))),
        hidden_octaves=int(
            hidden and ((one.hidden_octave and not other_octave) or (one.other_quality and one.after in {"P1", "P8"}))
        ),
    )


def counted_by_music21(chorale: Chorale) -> Iterator[RuleCounts]:
    """What each two frames of each two voices add to the counts."""
    spelled = [spell_voice(chorale.pitches[:, voice].tolist(), chorale.key) for voice in range(4)]
    for upper, lower in combinations(range(4), 2):
        frames = list(zip(spelled[upper], spelled[lower], strict=True))
        for one, other in frames:
            if one is not None and other is not None and lower == upper + 1:
                yield RuleCounts(crossings=int(heard((one, one), (other, other)).crosses))
        for frame, ((high, low), (next_high, next_low)) in enumerate(pairwise(frames)):
            if high is None or low is None or next_high is None or next_low is None:
                continue
            leaps = abs(int(chorale.pitches[frame + 1, upper]) - int(chorale.pitches[frame, upper])) > 2
            quartet = heard((high, next_high), (low, next_low))
            yield as_counted_here(quartet, outer=(upper, lower) == (0, 3), leaps=leaps)


def shared(counts: RuleCounts) -> dict[str, int]:
    """Those counts that music21 can give as well."""
    return {name: getattr(counts, name) for name in SHARED}


def test_both_count_alike_in_bach(bach: list[Chorale]) -> None:
    sums = []
    for chorale in (dataclasses.replace(piece, order=()) for piece in bach[::20]):  # music21 doesn't play repeats
        sums.append(rule_counts(chorale))
        assert shared(sums[-1]) == shared(total(list(counted_by_music21(chorale)))), chorale.name
    assert len(sums) > 15
    assert all(shared(total(sums)).values())  # they don't agree for want of cases


def test_both_count_alike_in_any_two_voices_on_white_keys() -> None:
    """There an interval has one name alone, and voices move and cross in every way."""
    white = [note for note in range(48, 73) if note % 12 in (0, 2, 4, 5, 7, 9, 11)]
    sums = []
    for soprano, next_soprano, bass, next_bass in np.random.default_rng(0).choice(white, (size(4000, 1500), 4)):
        frames = np.array([[soprano, 0, 0, bass], [next_soprano, 0, 0, next_bass]])
        chorale = Chorale(pitches=frames, onsets=np.ones((2, 4)), fermatas=np.zeros(2))
        sums.append(rule_counts(chorale))
        assert shared(sums[-1]) == shared(total(list(counted_by_music21(chorale)))), chorale.pitches
    found = shared(total(sums)) | {"crossings": 100}  # soprano and bass are no neighbours
    assert all(count > 5 for count in found.values()), found


CASES = {
    "a fifth to a twelfth": ("G4 A4", "C4 D3", {"parallel_fifths"}, {"parallelFifth"}),
    "a unison to an octave apart": ("C4 G4", "C4 G3", {"parallel_octaves"}, {"parallelUnisonOrOctave"}),
    "a unison to an octave above": ("C4 E5", "C4 E4", {"parallel_octaves", "similar_octaves"}, {"hiddenOctave"}),
    "a third to a unison below": ("G4 C4", "E4 C4", {"hidden_octaves"}, {"hiddenOctave"}),
    "a diminished fifth to a perfect one": ("F4 A4", "B3 D4", {"hidden_fifths"}, set()),
    "an augmented fifth to a perfect one": ("G#4 B4", "C4 E4", {"hidden_fifths"}, set()),
    "an augmented octave to a perfect one": ("C#5 F5", "C4 F4", {"hidden_octaves"}, set()),
    "a fifth by a soprano's step": ("A4 G4", "F3 C3", set(), {"hiddenFifth"}),
    "a fifth that isn't written as one": (
        "E-5 E5", "G#4 A4", {"parallel_fifths", "similar_fifths"}, {"hiddenFifth"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_where_the_two_differ(case: str) -> None:
    upper, lower, ours, theirs = CASES[case]
    names = [*upper.split(), *lower.split()]
    soprano, next_soprano, bass, next_bass = (Pitch(name).midi for name in names)
    counts = rule_counts(Chorale.from_pitches([[soprano, 0, 0, bass], [next_soprano, 0, 0, next_bass]]))
    assert {name for name, count in shared(counts).items() if count} == ours
    quartet = VoiceLeadingQuartet(*names)
    asked = ("parallelFifth", "parallelUnisonOrOctave", "hiddenFifth", "hiddenOctave")
    assert {name for name in asked if getattr(quartet, name)()} == theirs
