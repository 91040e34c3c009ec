"""What is written reads as it was: whole, with a voice taken out, with measures written anew, and transposed."""

import copy
import dataclasses
from functools import cache
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from comparing import canonical, given_in, read, source_of, stubbed
from composed import Composed
from documents import check_lengths
from handwritten import line, note, score
from sizes import size

from bachlit.music.chorale import VOICES, Chorale, Voice
from bachlit.music.keys import STEPS, Key
from bachlit.scores import read_chorale, to_musicxml
from bachlit.scores.reading.safe_xml import parse_xml
from bachlit.scores.source import changed_measures, exact_notes
from bachlit.scores.writing.transposing import transpose_part

SEEDS = range(size(20, 6))
PER_SEED = size(25, 4)


@cache
def composed(seed: int) -> list[Chorale]:
    """Chorales of random scores, with voices added."""
    chorales = []
    with TemporaryDirectory() as folder:
        for number in range(seed * PER_SEED, (seed + 1) * PER_SEED):
            path = Path(folder) / f"{number}.musicxml"
            path.write_text(Composed(number).musicxml())
            chorales.append(stubbed(read(path)))
    return chorales


def rewritten(chorale: Chorale, folder: Path) -> Chorale:
    """A chorale written and read again."""
    path = folder / f"{chorale.name}.musicxml"
    path.write_text(to_musicxml(chorale))
    return read_chorale(path)


def test_an_output_reads_as_the_chorale_that_was_written(tmp_path: Path) -> None:
    for seed in SEEDS:
        for chorale in composed(seed):
            again = rewritten(chorale, tmp_path)
            keys = source_of(chorale).document.findall("part/measure/attributes/key")
            if any(key.find("mode") is None for key in keys):  # then the new parts count in finding the mode
                chorale = dataclasses.replace(chorale, key=again.key, keys=again.keys)  # noqa: PLW2901
            assert again == chorale


def test_exact_notes_come_back_and_measures_are_as_drawn(tmp_path: Path) -> None:
    for seed in SEEDS:
        for chorale in composed(seed):
            voice = next(iter(source_of(chorale).voices))
            again = rewritten(chorale, tmp_path)
            assert [note[:4] for note in exact_notes(again, voice)] == [
                note[:4] for note in exact_notes(chorale, voice)
            ]
            given = source_of(again).document.findall("part")[source_of(again).voices[voice].place]
            if given_in(chorale).heads is not None:  # taken out of more
                assert {note.findtext("voice") for note in given.iter("note")} <= {"1", None}
                assert given.find(".//backup") is None
                alone = Element("score-partwise")
                alone.append(given)
                check_lengths(alone)


def with_other_measures(chorale: Chorale, voice: Voice, changed: list[int]) -> Chorale:
    """A chorale of which some measures have other notes in a voice."""
    pitches, onsets = chorale.pitches.copy(), chorale.onsets.copy()
    column = VOICES.index(voice)
    for index in changed:
        measure = chorale.measures[index]
        span = slice(measure.start, measure.end)
        pitches[span, column] = 60 + np.arange(measure.length) // 3 % 5
        onsets[span, column] = np.arange(measure.length) % 3 == 0
        if measure.end < chorale.num_frames:
            onsets[measure.end, column] = True
    return dataclasses.replace(chorale, pitches=pitches, onsets=onsets)


def test_measures_written_anew_sound_as_the_grid_and_others_stay(tmp_path: Path) -> None:
    for seed in SEEDS:
        for chorale in composed(seed):
            voice = next(iter(source_of(chorale).voices))
            changed = [1, len(chorale.measures) - 1]
            other = with_other_measures(chorale, voice, changed)
            again = rewritten(other, tmp_path)
            assert again.pitches.tolist() == other.pitches.tolist()
            assert again.onsets.tolist() == other.onsets.tolist()
            assert again.measures == other.measures
            before, after = (
                parse_xml(to_musicxml(one)).findall("part")[VOICES.index(voice)].findall("measure")
                for one in (chorale, other)
            )
            for notations in (one for measure in (*before, *after) for one in measure.iter("notations")):
                for slur in notations.findall("slur"):  # one end of a slur may stand in a new measure
                    notations.remove(slur)
            divisions = [one[0].findtext("attributes/divisions") for one in (before, after)]
            touched = changed_measures(other, source_of(other), voice)
            for index in range(len(before)):
                near = {index - 1, index, index + 1} & set(touched)
                if not near and divisions[0] == divisions[1]:
                    assert canonical(after[index]) == canonical(before[index])


def signatures(chorale: Chorale) -> list[int]:
    """Signatures that differ from the one before; a mode that isn't written may be heard otherwise in other notes."""
    return [fifths for fifths, _ in groupby(key.fifths for key in (chorale.key, *dict(chorale.keys).values()))]


@pytest.mark.parametrize("semitones", [-12, -7, -3, -1, 1, 2, 5, 6, 12])
def test_a_transposed_score_sounds_higher_by_as_much(tmp_path: Path, semitones: int) -> None:
    for chorale in composed(abs(semitones) % len(SEEDS)):
        moved = chorale.transpose(semitones)
        again = rewritten(moved, tmp_path)
        assert again.pitches.tolist() == moved.pitches.tolist()
        assert again.onsets.tolist() == moved.onsets.tolist()
        assert signatures(again) == signatures(moved)
        if source_of(chorale).document.findall("part")[given_in(chorale).place].find("measure/harmony") is None:
            continue  # those of a part that is left out
        for one, other in zip(source_of(chorale).chords, source_of(again).chords, strict=True):
            assert one[0] == other[0]
            assert (root(one[1]) + semitones) % 12 == root(other[1])


def root(symbol: str) -> int:
    """Pitch class of a chord symbol's root."""
    alter = {"#": 1, "b": -1}.get(symbol[1:2], 0)
    return (STEPS[symbol[0]] + alter) % 12


@pytest.mark.parametrize("semitones", [-5, -2, -1, 1, 3, 4, 12])
def test_up_and_down_again_gives_the_same_part(semitones: int) -> None:
    tried = 0
    for chorale in (chorale for seed in SEEDS for chorale in composed(seed)):
        document = source_of(chorale).document
        keys = [Key(), *(Key(int(fifths.text or "0")) for fifths in document.iter("fifths"))]
        if any(abs(key.transpose(semitones).fifths - key.fifths) > 5 or abs(key.fifths) > 5 for key in keys):
            continue  # the nearest key is one on the other side of the circle: names change for good
        tried += 1
        part = copy.deepcopy(document.findall("part")[given_in(chorale).place])
        tidy(part)
        before = canonical(part)
        transpose_part(part, semitones)
        assert canonical(part) != before
        transpose_part(part, -semitones)
        tidy(part)
        assert canonical(part) == before
    assert tried


def tidy(part: Element) -> None:
    """Leave out fingerings and written naturals, which don't come back, and double sharps, which may become triple."""
    for parent in part.iter():
        for child in list(parent):
            if child.tag == "technical" or (child.tag.endswith("alter") and child.text in ("0", "2")):
                parent.remove(child)


def broken(part: Element) -> list[str]:
    """Ties, slurs and brackets of a part that lack one end, or ties between unlike notes."""
    faults, tied, slurred = [], None, 0
    for head in part.iter("note"):
        if head.find("grace") is not None:
            continue
        name = "".join(canonical(pitch) for pitch in head.iterfind("pitch"))
        kinds = {tie.get("type") for tie in head.iterfind("tie")}
        if kinds != {tie.get("type") for tie in head.iterfind("notations/tied")}:
            faults.append("a tie that is drawn or sounds alone")
        if ("stop" in kinds) != (tied is not None) or (tied is not None and tied != name):
            faults.append("a tie")
        tied = name if "start" in kinds else None
        for slur in head.iterfind("notations/slur"):
            slurred += 1 if slur.get("type") == "start" else -1
            if slurred not in (0, 1):
                faults.append("a slur")
    return faults + ["a tie"] * (tied is not None) + ["a slur"] * (slurred != 0)


def test_ties_and_slurs_at_the_borders_of_new_measures_are_whole(tmp_path: Path) -> None:
    for chorale in (chorale for seed in SEEDS for chorale in composed(seed)):
        voice, given = next(iter(source_of(chorale).voices.items()))
        if given.heads is None and not broken(source_of(chorale).document.findall("part")[given.place]):
            other = with_other_measures(chorale, voice, [1, len(chorale.measures) - 1])
            part = parse_xml(to_musicxml(other)).findall("part")[VOICES.index(voice)]
            for element in part.iter("pitch"):
                for alter in element.findall("alter[.='0']"):
                    element.remove(alter)
            assert not broken(part)
            again = rewritten(other, tmp_path)
            assert [note[:3] for note in exact_notes(again, voice)] == [note[:3] for note in exact_notes(other, voice)]


@pytest.mark.parametrize(
    "transposition", ["", "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"]
)
def test_a_note_held_into_and_out_of_a_new_measure_is_one(tmp_path: Path, transposition: str) -> None:
    path = tmp_path / "tune.musicxml"
    held = note("Gb4", after='<tie type="start"/>'), note("Gb4", after='<tie type="stop"/>')
    bars = [line("D4 E4 F4 F#4"), line("G4 A4 B4") + held[0], held[1] + line("D4 E4 F4")]
    path.write_text(score(bars, attributes=transposition))
    chorale = read(path)
    pitches, onsets = chorale.pitches.copy(), chorale.onsets.copy()
    pitches[16:32, 0] = pitches[15, 0]  # F-sharp and G-flat are one key on a keyboard
    onsets[16:32, 0] = False
    other = dataclasses.replace(chorale, pitches=pitches, onsets=onsets)
    assert [(float(start), float(end)) for _, start, end, *_ in exact_notes(other, "soprano")] == [
        (0, 4), (4, 8), (8, 12), (12, 36), (36, 40), (40, 44), (44, 48),
    ]  # fmt: skip
    again = rewritten(stubbed(other), tmp_path)
    assert again.pitches[:, 0].tolist() == pitches[:, 0].tolist()
    assert again.onsets[:, 0].tolist() == onsets[:, 0].tolist()


def test_measures_of_inner_voices_are_written_in_their_parts(tmp_path: Path) -> None:
    for chorale in composed(0) + composed(1):
        other = rewritten(chorale, tmp_path).transpose(2)
        for voice in ("alto", "bass"):
            other = with_other_measures(other, voice, [1, 2])
        again = rewritten(other, tmp_path)
        assert again.pitches.tolist() == other.pitches.tolist()
        assert again.onsets.tolist() == other.onsets.tolist()
        assert (again.measures, again.order) == (other.measures, other.order)
