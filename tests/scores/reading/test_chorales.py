"""What is written is read again; voices are found; metre, pickup, key and title are the score's."""

import dataclasses
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from chorales import KEYS, METRES, chorales, melody, random_chorale, voices
from handwritten import line, note, score
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bachlit.corpus import BachCorpus
from bachlit.errors import OptionError, ScoreError
from bachlit.music.chorale import REST, VOICES, Chorale, Voice
from bachlit.music.keys import Key
from bachlit.music.notes import notes_of
from bachlit.scores import ScoreWarning, read_chorale, read_melody, read_voices, write_midi, write_musicxml

BAR = line("C4 D4 E4 F4")
REPEAT = '<barline location="right"><repeat direction="backward"/></barline>'
reads_files = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def rewritten(
    chorale: Chorale, write: Callable[[Chorale, Path], None], read: Callable[[Path], Chorale], suffix: str = ".musicxml"
) -> Chorale:
    """A chorale written and read again, in a folder of its own."""
    with TemporaryDirectory() as folder:
        write(chorale, Path(folder) / f"piece{suffix}")
        return read(Path(folder) / f"piece{suffix}")


def save(folder: Path, text: str) -> Path:
    (folder / "file.musicxml").write_text(text)
    return folder / "file.musicxml"


def silent(path: Path) -> Chorale:
    """A melody that is read without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_melody(path)


@reads_files
@given(chorales())
def test_a_chorale_survives_musicxml(chorale: Chorale) -> None:
    assume(chorale.pitches.any(axis=0).all())  # a voice that only rests doesn't survive: it is no voice when read
    assert rewritten(chorale, write_musicxml, read_chorale) == dataclasses.replace(chorale, name="piece")


@reads_files
@given(chorales(), voices)
def test_a_voice_survives_musicxml_as_a_melody(chorale: Chorale, voice: Voice) -> None:
    assume((chorale.pitches[:, VOICES.index(voice)] != REST).any())
    fermatas = np.zeros(chorale.num_frames, np.bool_)  # of this voice, which are written where the soprano's end
    for sung in notes_of(chorale, voice):
        fermatas[sung.start : sung.start + sung.length] = sung.fermata
    expected = dataclasses.replace(chorale.only(voice), fermatas=fermatas, name="piece")
    assert rewritten(chorale, write_musicxml, lambda path: read_melody(path, voice=voice)) == expected


@reads_files
@given(chorales(), st.sets(voices, min_size=1))
def test_the_voices_that_are_named_are_read_and_no_others(chorale: Chorale, named: set[Voice]) -> None:
    assume(chorale.pitches.any(axis=0).all())
    expected = with_fermatas_of_its_highest(chorale, named)
    assert rewritten(chorale, write_musicxml, lambda path: read_voices(path, [*named])) == expected


@reads_files
@given(chorales(), st.sets(voices, min_size=1, max_size=3), voices)
def test_the_voices_that_a_score_has_are_read_without_naming_them(
    chorale: Chorale, sung: set[Voice], also: Voice
) -> None:
    assume(chorale.pitches.any(axis=0).all())
    part = chorale.only(*sung)
    expected = with_fermatas_of_its_highest(part, sung)
    assert rewritten(part, write_musicxml, read_voices) == expected
    assert rewritten(part, write_musicxml, lambda path: read_voices(path, also=[also])) == expected


@reads_files
@given(chorales(), st.sets(voices))
def test_of_four_voices_the_soprano_is_read_and_what_is_asked_for_besides(chorale: Chorale, also: set[Voice]) -> None:
    assume(chorale.pitches.any(axis=0).all())
    expected = with_fermatas_of_its_highest(chorale, {"soprano", *also})
    assert rewritten(chorale, write_musicxml, lambda path: read_voices(path, also=[*also])) == expected


def with_fermatas_of_its_highest(chorale: Chorale, sung: set[Voice]) -> Chorale:
    """Some voices of a chorale as they are read again from a score of it."""
    fermatas = np.zeros(chorale.num_frames, np.bool_)  # written in each voice where the soprano's end
    for tone in notes_of(chorale, next(voice for voice in VOICES if voice in sung)):
        fermatas[tone.start : tone.start + tone.length] = tone.fermata
    return dataclasses.replace(chorale.only(*sung), fermatas=fermatas, name="piece")


@reads_files
@given(chorales())
def test_pitches_and_onsets_survive_midi(chorale: Chorale) -> None:
    assume(chorale.pitches.any(axis=0).all())
    again = rewritten(chorale, write_midi, read_chorale, ".mid")
    end = int(chorale.pitches.any(axis=1).nonzero()[0][-1]) + 1  # rests at the end don't survive: MIDI has no rests
    assert again.pitches[:end].tolist() == chorale.pitches[:end].tolist()
    assert again.onsets[:end].tolist() == chorale.onsets[:end].tolist()
    assert not again.pitches[end:].any()
    assert again.time_signature == chorale.time_signature
    assert (again.key.fifths, again.title) == (chorale.key.fifths, chorale.title)
    assert again.key == chorale.key or chorale.key.mode == "major"  # which many programs write whatever the mode is
    assert (again.pickup, again.fermatas.any()) == (0, False)  # as MIDI has none of them


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_every_pickup_survives_musicxml(metre: tuple[int, int]) -> None:
    full = 16 * metre[0] // metre[1]
    for pickup in range(0, full, 3):
        chorale = random_chorale(1, num_frames=pickup + 2 * full, metre=metre, pickup=pickup)
        again = rewritten(chorale, write_musicxml, read_melody)
        assert (again.time_signature, again.pickup) == (metre, pickup)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_key_survives_musicxml(key: Key) -> None:
    chorale = random_chorale(1, num_frames=32, key=key)
    assert rewritten(chorale, write_musicxml, read_melody).key == key


@pytest.mark.parametrize(("num_frames", "pickup"), [(8, 0), (4, 4), (1, 0), (15, 15)])
def test_a_piece_shorter_than_a_measure_survives_musicxml(num_frames: int, pickup: int) -> None:
    chorale = dataclasses.replace(melody((67, num_frames)), pickup=pickup)
    assert rewritten(chorale, write_musicxml, read_melody) == dataclasses.replace(chorale, name="piece")


def test_a_pickup_that_never_ends_becomes_as_short_as_the_piece() -> None:
    chorale = dataclasses.replace(melody((67, 4)), pickup=8)
    assert rewritten(chorale, write_musicxml, read_melody).pickup == 4


@pytest.mark.parametrize("name", ["bwv269", "bwv26.6", "bwv144.3", "bwv36.4", "bwv324"])
@pytest.mark.filterwarnings("ignore::bachlit.scores.ScoreWarning")
def test_a_chorale_by_bach_survives_musicxml(name: str) -> None:
    chorale = read_chorale(BachCorpus().files()[name])
    assert chorale.fermatas.any()
    assert rewritten(chorale, write_musicxml, read_chorale) == dataclasses.replace(chorale, name="piece")


@pytest.mark.parametrize(("name", "pickup"), [("bwv269", 4), ("bwv66.6", 4), ("bwv26.6", 0)])
@pytest.mark.filterwarnings("ignore::bachlit.scores.ScoreWarning")
def test_bach_is_read_with_his_pickup_and_without_a_filename_for_a_title(name: str, pickup: int) -> None:
    chorale = read_chorale(BachCorpus().files()[name])
    assert (chorale.pickup, chorale.title, chorale.name) == (pickup, "", name)


def four(*names: str) -> str:
    return score(*([note(pitch, 16)] for pitch in ("C5", "G4", "E4", "C4")), names=names)


@pytest.mark.parametrize("names", [("", "", "", ""), ("Violin", "Flute", "Horn", "Cello"), ("Soprano", "x", "x", "x")])
def test_four_parts_that_are_not_named_after_voices_are_taken_in_order(tmp_path: Path, names: tuple[str, ...]) -> None:
    path = save(tmp_path, four(*names))
    assert read_chorale(path).pitches[0].tolist() == [72, 67, 64, 60]
    assert [read_melody(path, voice=voice).compass for voice in VOICES] == [(72, 72), (67, 67), (64, 64), (60, 60)]


def test_names_win_over_order(tmp_path: Path) -> None:
    path = save(tmp_path, four("Bass", "tenor ", "ALTO", "Soprano"))
    assert read_chorale(path).pitches[0].tolist() == [60, 64, 67, 72]
    assert read_melody(path, voice="alto").pitches[0].tolist() == [0, 64, 0, 0]


def test_four_parts_whose_names_speak_against_their_order_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, four("Bass", "x", "y", "z"))
    with pytest.raises(ScoreError, match="unclear which are Soprano, Alto, Tenor and Bass; expected parts named so"):
        read_chorale(path)
    with pytest.raises(ScoreError, match="unclear which is Soprano"):
        read_melody(path)


def test_four_named_voices_are_found_among_other_parts(tmp_path: Path) -> None:
    names = ["Trumpet", "Soprano", "Alto", "Tenor", "Bass"]
    path = save(tmp_path, score(*([note(pitch, 16)] for pitch in ("C6", "C5", "G4", "E4", "C4")), names=names))
    assert read_chorale(path).pitches[0].tolist() == [72, 67, 64, 60]


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("name", ["Voice", "Soprano"])
def test_several_parts_of_which_none_is_the_soprano_are_refused(tmp_path: Path, number: int, name: str) -> None:
    path = save(tmp_path, score(*[[BAR]] * number, names=[name] * number))
    with pytest.raises(
        ScoreError, match=f"has {number} parts, and it is unclear which is Soprano; expected parts named so"
    ):
        read_melody(path)
    with pytest.raises(ScoreError, match=f"has {number} parts"):
        read_chorale(path)


def test_the_part_named_soprano_is_taken_among_several(tmp_path: Path) -> None:
    path = save(tmp_path, score([line("G3 G3 G3 G3")], [BAR], names=["Piano", "Soprano"]))
    assert read_melody(path).compass == (60, 65)


def test_the_only_part_with_notes_is_taken_for_any_voice(tmp_path: Path) -> None:
    drums = "<note><unpitched/><duration>192</duration></note>"
    path = save(tmp_path, score([note("r", 16)], [drums], [BAR], names=["Flute", "Drums", "Voice"]))
    for column, voice in enumerate(VOICES):
        chorale = read_melody(path, voice=voice)
        assert chorale.pitches.any(axis=0).tolist() == [column == other for other in range(4)]


@pytest.mark.parametrize(
    ("name", "voice"), [("", "soprano"), ("Voice", "soprano"), ("Soprano", "soprano"), (" BASS", "bass")]
)
def test_an_only_part_is_the_soprano_unless_its_name_says_which(tmp_path: Path, name: str, voice: Voice) -> None:
    path = save(tmp_path, score([BAR], names=[name]))
    assert read_voices(path) == read_melody(path, voice=voice)


def test_an_only_part_is_the_one_voice_that_is_named_whatever_its_name(tmp_path: Path) -> None:
    path = save(tmp_path, score([BAR], names=["Tenor"]))
    assert read_voices(path, ["alto"]).pitches[0].tolist() == [0, 60, 0, 0]
    with pytest.raises(
        ScoreError, match=r"has 1 part, and it is unclear which are Alto and Bass; expected parts named so"
    ):
        read_voices(path, ["bass", "alto"])


def test_four_parts_without_names_are_the_voices_in_order(tmp_path: Path) -> None:
    path = save(tmp_path, four("", "", "", ""))
    assert read_voices(path).pitches[0].tolist() == [72, 0, 0, 0]
    assert read_voices(path, also=["tenor"]).pitches[0].tolist() == [72, 0, 64, 0]
    assert read_voices(path, ["bass", "alto"]).pitches[0].tolist() == [0, 67, 0, 60]


@pytest.mark.parametrize(
    ("names", "tune"),
    [
        (("x", "y"), 1),  # the higher one
        (("", ""), 1),
        (("Bass", "x"), 1),
        (("Soprano", "Soprano", "Bass"), 1),
        (("x",) * 5, 4),
        (("Bass", "x", "y", "z"), 3),
        (("Piano", "Piano", "Melody"), 2),
        (("Flute", "Voice 1"), 1),
    ],
)
def test_of_parts_that_are_no_voices_the_tune_is_taken_and_told(
    tmp_path: Path, names: tuple[str, ...], tune: int
) -> None:
    path = save(tmp_path, score(*([note(f"{'CDEFG'[index]}4", 16)] for index in range(len(names))), names=names))
    with pytest.warns(ScoreWarning) as told:
        chorale = read_voices(path)
    assert chorale.pitches[0].tolist() == [(60, 62, 64, 65, 67)[tune], 0, 0, 0]
    called = [f"part {number}" + (f" ({name})" if name else "") for number, name in enumerate(names, start=1)]
    others = ", ".join(name for index, name in enumerate(called) if index != tune)
    assert [str(warning.message) for warning in told] == [
        f"{path}: the tune is taken from {called[tune]}; left out: {others}."
    ]


def test_parts_beside_a_soprano_that_are_no_voice_are_left_out_and_told(tmp_path: Path) -> None:
    path = save(tmp_path, score([BAR], [note("C3", 16)], [note("E4", 16)], names=["Soprano", "Bass", "Organ"]))
    with pytest.warns(ScoreWarning, match=r"parts that are no voice are left out: part 3 \(Organ\)\."):
        assert read_voices(path).pitches[0].tolist() == [60, 0, 0, 48]


def test_a_fault_in_a_part_that_is_not_wanted_does_no_harm(tmp_path: Path) -> None:
    chord = note("C4", 16) + note("E4", 16, before="<chord/>")
    path = save(tmp_path, score([BAR], [BAR], [chord], [note("C3", 16)], names=VOICES))
    assert read_voices(path).compass == (60, 65)
    assert read_voices(path, ["bass"], also=["alto"]).pitches[0].tolist() == [0, 60, 0, 48]
    with pytest.raises(ScoreError, match=r"tenor of .* has two notes at once"):
        read_chorale(path)


def test_a_voice_that_is_none_is_refused(tmp_path: Path) -> None:
    for asked in ({"voices": ["descant"]}, {"also": ["descant"]}):
        with pytest.raises(OptionError, match="no voice 'descant'; expected one of soprano"):
            read_voices(save(tmp_path, score([BAR])), **asked)  # type: ignore[arg-type]


def test_one_part_is_no_chorale(tmp_path: Path) -> None:
    with pytest.raises(ScoreError, match="has 1 part"):
        read_chorale(save(tmp_path, score([BAR])))


@pytest.mark.parametrize("numbers", [(0, 1, 2), (1, 2, 3), (5, 6, 7)])
def test_a_short_first_measure_is_a_pickup_whatever_its_number(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    # None of them is marked implicit.
    chorale = silent(save(tmp_path, score([note("G4"), BAR, line("C4 D4 E4")], numbers=numbers)))
    assert (chorale.pickup, chorale.num_frames) == (4, 32)


def test_a_short_last_measure_makes_no_pickup(tmp_path: Path) -> None:
    chorale = silent(save(tmp_path, score([BAR, note("G4")])))
    assert (chorale.pickup, chorale.num_frames) == (0, 20)


def test_a_measure_divided_by_a_repeat_is_in_order(tmp_path: Path) -> None:
    chorale = silent(save(tmp_path, score([note("G4"), BAR, line("C4 D4 E4") + REPEAT, note("G4"), BAR])))
    assert (chorale.pickup, chorale.num_frames) == (4, 52)
    assert [measure.position for measure in chorale.measures] == [12, 0, 0, 12, 0]
    assert chorale.order == (0, 1, 2, 0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("sign", "order"),
    [
        (REPEAT, (0, 0, 1)),
        ('<barline location="left"><ending number="1" type="start"/></barline>' + REPEAT, ()),
        (
            '<direction><direction-type><words>D.C. al Fine</words></direction-type><sound dacapo="yes"/></direction>',
            (0, 0, 1),
        ),
    ],
    ids=["repeat", "ending", "da capo"],
)
def test_repeats_stand_once_and_are_played_in_order(tmp_path: Path, sign: str, order: tuple[int, ...]) -> None:
    chorale = silent(save(tmp_path, score([BAR + sign, BAR])))
    assert (chorale.num_frames, chorale.order) == (32, order)


@pytest.mark.parametrize(
    ("words", "jumps"),
    [
        *[(words, True) for words in ("D.C.", "D. C. al Fine", "DC", "DC al Coda", "D.S. al Coda", "Da Capo")],
        *[(words, False) for words in ("Andante", "finest", "encoda", "with accord", "Fine", "Segno", "To Coda")],
    ],
)
def test_words_that_send_a_player_elsewhere_are_followed(tmp_path: Path, words: str, jumps: bool) -> None:
    direction = f"<direction><direction-type><words>{words}</words></direction-type></direction>"
    assert silent(save(tmp_path, score([BAR, BAR + direction]))).order == ((0, 1, 0, 1) if jumps else ())


def test_metres_change_where_they_are_written(tmp_path: Path) -> None:
    three = "<attributes><time><beats>3</beats><beat-type>4</beat-type></time></attributes>" + line("C4 D4 E4")
    chorale = silent(save(tmp_path, score([BAR, three, line("C4 D4 E4")])))
    assert [measure.time_signature for measure in chorale.measures] == [(4, 4), (3, 4), (3, 4)]
    assert (chorale.time_signature, chorale.num_frames) == ((4, 4), 40)


def test_a_measure_shorter_than_its_metre_shifts_no_bar_line(tmp_path: Path) -> None:
    chorale = silent(save(tmp_path, score([BAR, line("C4 D4 E4"), BAR, BAR])))
    assert [(measure.start, measure.position) for measure in chorale.measures] == [(0, 0), (16, 0), (28, 0), (44, 0)]


def test_keys_change_where_they_are_written(tmp_path: Path) -> None:
    change = "<attributes><key><fifths>3</fifths></key></attributes>"
    chorale = silent(save(tmp_path, score([BAR, change + BAR])))
    assert (chorale.key, chorale.keys) == (Key(0, "major"), ((16, Key(3, "major")),))


@pytest.mark.parametrize("silence", ["<forward><duration>144</duration></forward>", ""])
def test_voices_stay_in_step_where_one_is_silent_to_the_end_of_a_measure(tmp_path: Path, silence: str) -> None:
    path = save(tmp_path, score([BAR] * 3, [BAR] * 3, [BAR, note("C4") + silence, BAR], [BAR] * 3))
    assert read_chorale(path).pitches[16:36, 2].tolist() == [60] * 4 + [0] * 12 + [60] * 4


def test_silence_that_no_rest_writes_is_not_the_end_of_a_piece(tmp_path: Path) -> None:
    # As in Bach's chorales with a pickup, whose last measure is filled up so.
    forward = "<forward><duration>48</duration></forward>"
    chorale = silent(save(tmp_path, score([note("G4"), BAR, line("C4 D4 E4") + forward])))
    assert (chorale.pickup, chorale.num_frames) == (4, 32)
    assert silent(save(tmp_path, score([BAR, line("C4 D4 r r")]))).num_frames == 32


def test_a_rest_for_a_whole_measure_is_as_long_as_the_measure_of_the_others(tmp_path: Path) -> None:
    rest = '<note><rest measure="yes"/><duration>192</duration></note>'
    chorale = read_chorale(save(tmp_path, score([note("G4"), BAR], [rest, BAR], [rest, BAR], [rest, BAR])))
    assert (chorale.pickup, chorale.num_frames) == (4, 20)
    assert chorale.pitches[3:5].tolist() == [[67, 0, 0, 0], [60, 60, 60, 60]]


def test_a_voice_that_rests_in_the_pickup_has_one(tmp_path: Path) -> None:
    """Also where the others, which tell how long it is, aren't read."""
    rest = '<note><rest measure="yes"/><duration>192</duration></note>'
    path = save(tmp_path, score([rest, BAR], [note("C3"), BAR], names=["Soprano", "Bass"]))
    assert (silent(path).pickup, silent(path).num_frames) == (4, 20)


def test_a_key_of_more_than_seven_accidentals_is_read_with_fewer(tmp_path: Path) -> None:
    text = score([BAR]).replace("<fifths>0</fifths>", "<fifths>-9</fifths>")
    assert silent(save(tmp_path, text)).key == Key(3, "major")


@pytest.mark.parametrize(("beats", "metre"), [(4, (2, 16)), (3, (2, 16)), (5, (2, 16)), (6, (3, 16))])
def test_a_metre_finer_than_the_grid_is_rounded(tmp_path: Path, beats: int, metre: tuple[int, int]) -> None:
    bar = "".join(note("C4", 0.5) for _ in range(beats))
    text = score([bar, bar]).replace("<beats>4</beats><beat-type>4", f"<beats>{beats}</beats><beat-type>32")
    chorale = read_melody(save(tmp_path, text))
    assert [measure.time_signature for measure in chorale.measures] == [metre, metre]
    assert [measure.position for measure in chorale.measures] == [0, 0]


@pytest.mark.parametrize(
    ("beats", "metre"), [("<beats>3+2</beats><beat-type>8</beat-type>", (5, 8)), ("<senza-misura/>", (4, 4))]
)
def test_uncommon_metres_are_read(tmp_path: Path, beats: str, metre: tuple[int, int]) -> None:
    text = score([note("C4", 10)]).replace("<beats>4</beats><beat-type>4</beat-type>", beats)
    assert read_melody(save(tmp_path, text)).time_signature == metre


@pytest.mark.parametrize(
    ("written", "names", "key"),
    [
        ("<fifths>0</fifths><mode>minor</mode>", "C4 D4 E4 F4", Key(0, "minor")),
        ("<fifths>0</fifths>", "A4 E4 G#4 A4", Key(0, "minor")),
        ("<fifths>0</fifths>", "C4 E4 G4 C5", Key(0, "major")),
        ("<fifths>1</fifths><mode>dorian</mode>", "A4 E5 C5 A4", Key(1, "dorian")),
        ("<fifths>1</fifths><mode> Ionian </mode>", "A4 E5 C5 A4", Key(1, "major")),
        ("<fifths>1</fifths><mode>hypodorian</mode>", "A4 E5 C5 A4", Key(1, "dorian")),
        ("<fifths>1</fifths>", "E4 B4 D#4 E4", Key(1, "minor")),
        ("<fifths>1</fifths>", "D4 F#4 B4 C5 A4 D4", Key(1, "mixolydian")),
        ("<fifths>-7</fifths><mode>major</mode>", "A4 B4 C5 A4", Key(-7, "major")),
        (None, "D4 F#4 A4 D5", Key(2, "major")),
    ],
)
def test_the_key_is_the_written_one_as_far_as_it_goes(
    tmp_path: Path, written: str | None, names: str, key: Key
) -> None:
    text = score([line(names)])
    default = "<key><fifths>0</fifths><mode>major</mode></key>"
    text = text.replace(default, f"<key>{written}</key>" if written else "")
    assert read_melody(save(tmp_path, text)).key == key


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("", ""),
        ("<work><work-title>Jesu</work-title></work><movement-title>Freude</movement-title>", "Jesu"),
        ("<movement-title>Jesu,\n   meine Freude </movement-title>", "Jesu, meine Freude"),
        ("<movement-title>file.musicxml</movement-title>", ""),
        ("<movement-title>another.MXL</movement-title>", ""),
        ("<work><work-title> </work-title></work>", ""),
    ],
)
def test_a_title_is_the_scores_own_on_one_line(tmp_path: Path, head: str, title: str) -> None:
    assert read_melody(save(tmp_path, score([BAR], head=head))).title == title
