"""What a part holds becomes the notes of one voice, or a sentence that says where it doesn't."""

from pathlib import Path

import pytest
from handwritten import line, note, score

from bachlit.errors import ScoreError
from bachlit.music.chorale import Chorale
from bachlit.scores import ScoreWarning, read_chorale, read_melody

START, STOP, FERMATA = '<tie type="start"/>', '<tie type="stop"/>', "<fermata/>"
BAR = line("C4 D4 E4 F4")


def read(folder: Path, *measures: str) -> Chorale:
    (folder / "file.musicxml").write_text(score(measures))
    return read_melody(folder / "file.musicxml")


def sung(chorale: Chorale) -> list[tuple[int, int]]:
    """(pitch, length) of every note and rest."""
    starts = chorale.onsets[:, 0].nonzero()[0].tolist()
    ends = [*starts[1:], chorale.num_frames]
    return [(int(chorale.pitches[start, 0]), end - start) for start, end in zip(starts, ends, strict=True)]


def refusal(folder: Path, *measures: str) -> str:
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
    with pytest.warns(ScoreWarning, match=r"several notes sound at once, the tune is the top one; left out 1 note\."):
        chorale = read(tmp_path, BAR, second)
    assert sung(chorale)[4:] == tune


@pytest.mark.parametrize("case", AT_ONCE)
def test_two_notes_at_once_are_no_voice_of_four(tmp_path: Path, case: str) -> None:
    second, _ = AT_ONCE[case]
    (tmp_path / "file.musicxml").write_text(score([BAR, second], *[[BAR, BAR]] * 3))
    with pytest.raises(ScoreError, match=r"soprano of .* has two notes at once in measure 2; expected one at a time"):
        read_chorale(tmp_path / "file.musicxml")


def test_notes_that_run_on_a_little_are_cut_short(tmp_path: Path) -> None:
    # Both keys are down for a sixteenth: as people play. The lower one, which comes later, is no lower voice.
    legato = note("E4", 9) + BACK.format(12) + note("C4", 8)
    assert sung(read(tmp_path, legato)) == [(64, 8), (60, 8)]


def test_cue_notes_are_no_tune(tmp_path: Path) -> None:
    assert sung(read(tmp_path, note("C4", 8) + note("G5", before="<cue/>") * 2)) == [(60, 8), (0, 8)]


@pytest.mark.parametrize("number", [1, 2])
def test_slashes_are_no_tune(tmp_path: Path, number: int) -> None:
    """A lead sheet has them where who accompanies plays alone; they stand on the line of B, and were sung as that."""
    slash = note("B4").replace("</note>", '<notehead filled="yes">slash</notehead></note>')
    assert sung(read(tmp_path, slash * number + note("C4", 16 - 4 * number)))[:1] == [(0, 4 * number)]


@pytest.mark.parametrize(
    ("lengths", "sounding"),
    [
        ([4 / 3, 4 / 3, 4 / 3, 12], [(60, 2), (62, 1), (64, 1), (65, 12)]),  # a triplet
        ([0.5, 0.5, 15], [(60, 1), (64, 15)]),  # the second of two thirty-seconds sounds on no sixteenth
        ([0.5, 7.5, 8], [(60, 1), (62, 7), (64, 8)]),
        ([15.5], [(60, 16)]),
        ([0.25, 15.75], [(60, 1), (62, 15)]),
    ],
)
def test_the_grid_hears_what_sounds_when_a_sixteenth_begins(
    tmp_path: Path, lengths: list[float], sounding: list[tuple[int, int]]
) -> None:
    names = ("C4", "D4", "E4", "F4")
    chorale = read(tmp_path, "".join(note(name, length) for name, length in zip(names, lengths, strict=False)))
    assert sung(chorale) == sounding


def test_finer_notes_are_refused_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "four.musicxml").write_text(score(*[[BAR, note("C4", 1.5) + note("D4", 14.5)]] * 4))
    with pytest.raises(ScoreError, match=r"has a note finer than a sixteenth 4 quarters in; expected whole"):
        read_chorale(tmp_path / "four.musicxml", fine=False)


def test_a_measure_is_named_on_a_line_whatever_its_number(tmp_path: Path) -> None:
    beyond = note("C4").replace("<octave>4", "<octave>11")
    for number, named in (("", "2"), ("x&#10;y", "x y"), ("9" * 99, "9" * 20)):
        text = score([BAR, beyond]).replace('number="2"', f'number="{number}"')
        (tmp_path / "file.xml").write_text(text)
        with pytest.raises(ScoreError, match=f"in measure {named};"):
            read_melody(tmp_path / "file.xml")


def test_grace_notes_are_no_beat(tmp_path: Path) -> None:
    chorale = read(tmp_path, note("D4", before="<grace/>") * 3 + BAR)
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


@pytest.mark.parametrize(
    ("bars", "expected"), [(1, "C4 D4 | C4 D4 | C4 D4 | E4 F4"), (2, "G4 A4 | C4 D4 | G4 A4 | C4 D4")]
)
def test_a_sign_that_repeats_measures_repeats_their_notes(tmp_path: Path, bars: int, expected: str) -> None:
    def style(kind: str) -> str:
        sign = f'<measure-repeat type="{kind}">{bars}</measure-repeat>'
        return f"<attributes><measure-style>{sign}</measure-style></attributes>"

    silence = "<forward><duration>192</duration></forward>"
    first, second = line("C4 D4", 8), line("G4 A4", 8)
    if bars == 1:
        measures = [first, style("start") + silence, silence, style("stop") + line("E4 F4", 8)]
    else:
        measures = [second, first, style("start") + silence, silence]
    names = {60: "C4", 62: "D4", 64: "E4", 65: "F4", 67: "G4", 69: "A4"}
    heard = [names[pitch] for pitch, _ in sung(read(tmp_path, *measures))]
    assert heard == expected.replace("| ", "").split()
