"""What a part holds becomes the notes of one voice, or a sentence that says where it doesn't."""

import warnings
from pathlib import Path

import pytest
from handwritten import line, note, score

from bachlit.errors import ScoreError
from bachlit.music.chorale import Chorale
from bachlit.scores import ScoreWarning, read_chorale, read_melody

START, STOP, FERMATA = '<tie type="start"/>', '<tie type="stop"/>', "<fermata/>"
BAR = line("C4 D4 E4 F4")


def read(folder: Path, *measures: str, quantize: bool = False) -> Chorale:
    (folder / "file.musicxml").write_text(score(measures))
    return read_melody(folder / "file.musicxml")


def sung(chorale: Chorale) -> list[tuple[int, int]]:
    """(pitch, length) of every note and rest."""
    starts = chorale.onsets[:, 0].nonzero()[0].tolist()
    ends = [*starts[1:], chorale.num_frames]
    return [(int(chorale.pitches[start, 0]), end - start) for start, end in zip(starts, ends, strict=True)]


def refusal(folder: Path, *measures: str, quantize: bool = False) -> str:
    with pytest.raises(ScoreError) as error:
        read(folder, *measures)
    assert str(error.value).startswith(f"The soprano of {folder / 'file.musicxml'} ")
    assert "\n" not in str(error.value)
    return str(error.value)


def test_tied_notes_are_one_over_any_number_of_bar_lines(tmp_path: Path) -> None:
    chorale = read(
        tmp_path, note("C4", 16, after=START), note("C4", 16, after=STOP + START), note("C4", 16, after=STOP)
    )
    assert sung(chorale) == [(60, 48)]


def test_repeated_notes_stay_two(tmp_path: Path) -> None:
    assert sung(read(tmp_path, note("C4", 16), note("C4", 16))) == [(60, 16), (60, 16)]


def test_a_tie_to_another_pitch_is_a_new_note(tmp_path: Path) -> None:
    assert sung(read(tmp_path, note("C4", 16, after=START), note("D4", 16, after=STOP))) == [(60, 16), (62, 16)]


def test_a_tie_over_a_rest_is_a_new_note(tmp_path: Path) -> None:
    measures = note("C4", 8, after=START) + note("r", 8), note("C4", 16, after=STOP)
    assert sung(read(tmp_path, *measures)) == [(60, 8), (0, 8), (60, 16)]


@pytest.mark.parametrize("held", [0, 1])
def test_a_fermata_on_either_end_of_a_tie_holds_the_whole_note(tmp_path: Path, held: int) -> None:
    text = [line("C4 D4 E4") + note("F4", after=START), note("F4", after=STOP) + line("G4 A4 B4")]
    ends = [text[0].rindex("</note>"), text[1].index("</note>")]
    text[held] = f"{text[held][: ends[held]]}<notations>{FERMATA}</notations>{text[held][ends[held] :]}"
    assert read(tmp_path, *text).fermatas.nonzero()[0].tolist() == list(range(12, 20))


def test_a_fermata_over_a_rest_is_left_out(tmp_path: Path) -> None:
    assert not read(tmp_path, note("C4", 12) + note("r", after=FERMATA)).fermatas.any()


def test_words_are_left_out_and_told(tmp_path: Path) -> None:
    lyric = "<lyric><syllabic>single</syllabic><text>Ach</text></lyric>"
    with pytest.warns(ScoreWarning, match="the words are left out"):
        worded = read(tmp_path, BAR.replace("</note>", f"{lyric}</note>"))
    assert worded == read(tmp_path, BAR)


def test_rests_of_several_measures_last_as_long(tmp_path: Path) -> None:
    several = "<attributes><measure-style><multiple-rest>2</multiple-rest></measure-style></attributes>"
    rest = '<note><rest measure="yes"/><duration>192</duration></note>'
    assert sung(read(tmp_path, BAR, several + rest, rest, BAR, rest))[4] == (0, 32)


def test_silence_in_front_of_a_note_is_a_rest(tmp_path: Path) -> None:
    forward = "<forward><duration>96</duration></forward>"
    assert sung(read(tmp_path, note("C4") + forward + note("E4"), BAR))[:3] == [(60, 4), (0, 8), (64, 4)]


def test_two_voices_of_a_part_that_take_turns_are_one_melody(tmp_path: Path) -> None:
    back = "<backup><duration>96</duration></backup><forward><duration>96</duration></forward>"
    assert sung(read(tmp_path, line("C4 D4") + back + note("A4", 8, voice=2))) == [(60, 4), (62, 4), (69, 8)]


BACK = "<backup><duration>{}</duration></backup>"
AT_ONCE = {  # a measure, and the tune in it
    "a chord": (note("C4", 12) + note("E4") + note("G4", before="<chord/>"), [(60, 12), (67, 4)]),
    "two voices": (
        line("C4 D4 E4 F4") + BACK.format(192) + note("A4", 16, voice=2),
        [(60, 4), (62, 4), (64, 4), (65, 4)],
    ),
    "two voices for a moment": (
        line("C4 D4") + note("E4", 8) + BACK.format(48) + note("A4", voice=2),
        [(60, 4), (62, 4), (64, 8)],
    ),
    "a second voice where the first rests": (
        note("r", 8) + line("E4 F4") + BACK.format(192) + note("C4", 8, voice=2) + note("A3", 8, voice=2),
        [(60, 8), (64, 4), (65, 4)],
    ),
    "a second voice that begins in a rest and goes on": (
        line("r E4 F4 G4") + BACK.format(192) + note("C4", 16, voice=2),
        [(0, 4), (64, 4), (65, 4), (67, 4)],
    ),
    "one voice, broken": (note("C4", 16) + BACK.format(192) + note("E4", 16), [(64, 16)]),
}


@pytest.mark.parametrize("case", AT_ONCE)
def test_of_several_notes_at_once_the_tune_is_taken_and_told(tmp_path: Path, case: str) -> None:
    second, tune = AT_ONCE[case]
    with pytest.warns(ScoreWarning, match=r"several notes sound at once, the top one is taken; left out 1 note\."):
        chorale = read(tmp_path, BAR, second)
    assert sung(chorale)[4:] == tune


@pytest.mark.parametrize("case", AT_ONCE)
def test_two_notes_at_once_are_no_voice_of_four(tmp_path: Path, case: str) -> None:
    second, _ = AT_ONCE[case]
    (tmp_path / "file.musicxml").write_text(score([BAR, second], *[[BAR, BAR]] * 3))
    with pytest.raises(ScoreError, match=r"soprano of .* has two notes at once in measure 2; expected one at a time"):
        read_chorale(tmp_path / "file.musicxml")


def test_notes_that_run_on_a_little_are_cut_short_and_told(tmp_path: Path) -> None:
    # Both keys are down for a sixteenth: as people play. The lower one, which comes later, is no lower voice.
    legato = note("E4", 9) + BACK.format(12) + note("C4", 8)
    with pytest.warns(ScoreWarning, match="cut 1 note short that ran on into the next"):
        assert sung(read(tmp_path, legato)) == [(64, 8), (60, 8)]


def test_cue_notes_are_left_out_and_told(tmp_path: Path) -> None:
    with pytest.warns(ScoreWarning, match="left out 2 cue notes"):
        cued = read(tmp_path, note("C4", 8) + note("G5", before="<cue/>") * 2)
    assert sung(cued) == [(60, 8), (0, 8)]


@pytest.mark.parametrize(
    ("number", "told"), [(1, "left out 1 slash head, which"), (2, "left out 2 slash heads, which")]
)
def test_slashes_are_no_tune_and_told(tmp_path: Path, number: int, told: str) -> None:
    """A lead sheet has them where who accompanies plays alone; they stand on the line of B, and were sung as that."""
    slash = note("B4").replace("</note>", '<notehead filled="yes">slash</notehead></note>')
    with pytest.warns(ScoreWarning, match=told):
        assert sung(read(tmp_path, slash * number + note("C4", 16 - 4 * number)))[:1] == [(0, 4 * number)]


def test_chord_symbols_are_left_out_and_told(tmp_path: Path) -> None:
    harmony = "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"
    with pytest.warns(ScoreWarning, match="the chord symbols are left out; name the harmony with --chords"):
        assert sung(read(tmp_path, harmony + BAR)) == sung(read(tmp_path, BAR))


@pytest.mark.parametrize("length", [4 / 3, 0.5, 0.25, 1.5, 8 / 3])
def test_what_is_finer_than_a_sixteenth_is_refused_with_its_measure(tmp_path: Path, length: float) -> None:
    text = note("C4", length) + note("D4", 8 - length) + note("E4", 8)
    assert "has a note finer than a sixteenth in measure 2; expected whole sixteenths; round it with --quantize" in (
        refusal(tmp_path, BAR, text)
    )


@pytest.mark.parametrize(
    ("number", "told"), [("", "in measure 2;"), ("x\ny", "in measure x y;"), ("9" * 99, f"in measure {'9' * 20};")]
)
def test_a_measure_is_told_on_a_line_whatever_its_number(tmp_path: Path, number: str, told: str) -> None:
    text = score([BAR, note("C4", 0.5)]).replace('number="2"', f'number="{number}"'.replace("\n", "&#10;"))
    (tmp_path / "file.xml").write_text(text)
    with pytest.raises(ScoreError, match=told):
        read_melody(tmp_path / "file.xml")


def test_a_last_note_that_ends_between_sixteenths_is_refused(tmp_path: Path) -> None:
    assert "finer than a sixteenth in measure 2" in refusal(tmp_path, BAR, note("C4", 15.5))


def test_quantizing_rounds_triplets_to_the_nearest_sixteenth(tmp_path: Path) -> None:
    triplet = line("C4 D4 E4", 4 / 3) + note("F4", 12)
    assert sung(read(tmp_path, triplet)) == [(60, 1), (62, 2), (64, 1), (65, 12)]


def test_quantizing_joins_what_overlaps_by_less_than_a_sixteenth(tmp_path: Path) -> None:
    # As it is played on a keyboard: one key goes up a little after the next went down.
    legato = note("C4", 4.25) + "<backup><duration>3</duration></backup>" + note("D4", 12)
    assert sung(read(tmp_path, legato)) == [(60, 4), (62, 12)]


def test_quantizing_tells_which_notes_it_leaves_out(tmp_path: Path) -> None:
    with pytest.warns(ScoreWarning, match="left out 1 note too short for a sixteenth"):
        chorale = read(tmp_path, line("C4 D4", 0.5) + note("E4", 15))
    assert sung(chorale) == [(62, 1), (64, 15)]


def test_quantizing_leaves_what_fits_as_it_is(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(tmp_path, BAR, BAR) == read(tmp_path, BAR, BAR)


def test_only_notes_too_short_are_no_melody(tmp_path: Path) -> None:
    with pytest.warns(ScoreWarning):
        assert "has no notes of a sixteenth" in refusal(tmp_path, note("C4", 0.25) + note("r", 15))


@pytest.mark.parametrize(("number", "told"), [(1, "left out 1 grace note."), (3, "left out 3 grace notes.")])
def test_grace_notes_are_left_out_and_told(tmp_path: Path, number: int, told: str) -> None:
    with pytest.warns(ScoreWarning, match=told):
        chorale = read(tmp_path, note("D4", before="<grace/>") * number + BAR)
    assert sung(chorale) == [(60, 4), (62, 4), (64, 4), (65, 4)]


@pytest.mark.parametrize(
    "pitch",
    [
        "<step>C</step><alter>0.5</alter><octave>4</octave>",
        "<step>C</step><octave>-1</octave>",
        "<step>A</step><octave>9</octave>",
    ],
    ids=["quarter tone", "pitch 0, which means a rest", "beyond MIDI"],
)
def test_a_pitch_that_midi_does_not_have_is_refused(tmp_path: Path, pitch: str) -> None:
    text = note("C4", 16).replace("<step>C</step><alter>0</alter><octave>4</octave>", pitch)
    assert "in measure 2; expected a MIDI pitch" in refusal(tmp_path, BAR, text)
