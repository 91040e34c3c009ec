"""ABC is read as its standard says: what holds for how long, whose voice it is, and what has no room is told."""

import warnings
from pathlib import Path

import pytest

from bachlit.errors import ScoreError
from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.keys import Key
from bachlit.scores import ScoreWarning, read_chorale, read_melody, read_voices

HEAD = "X:1\nM:4/4\nL:1/4\nK:C\n"


def save(folder: Path, text: str) -> Path:
    (folder / "tune.abc").write_text(text)
    return folder / "tune.abc"


def sung(chorale: Chorale, column: int = 0) -> list[tuple[int, int]]:
    """(pitch, length) of every note and rest of a voice."""
    starts = [*chorale.onsets[:, column].nonzero()[0].tolist(), chorale.num_frames]
    return [
        (int(chorale.pitches[start, column]), end - start)
        for start, end in zip(starts[:-1], starts[1:], strict=True)  # noqa: RUF007
    ]


def read(folder: Path, music: str, head: str = HEAD) -> list[tuple[int, int]]:
    """What is sung of a line of music, which must be read without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*no mode of its key is written")
        return sung(read_melody(save(folder, f"{head}{music}\n")))


def pitches(folder: Path, music: str, head: str = HEAD) -> list[int]:
    return [pitch for pitch, _ in read(folder, music, head)]


def told(folder: Path, music: str, head: str = HEAD) -> str:
    """The only thing that is told of a line of music."""
    with pytest.warns(ScoreWarning) as warned:
        read_melody(save(folder, f"{head}{music}\n"))
    [warning] = warned
    return str(warning.message)


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ScoreError) as error:
        read_melody(save(folder, text))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_tune_is_read_with_pickup_ties_and_rests(tmp_path: Path) -> None:
    tune = 'X:1\nT:O Haupt  voll Blut\nM:4/4\nL:1/4\nK:Am\nE|A "^Am"G F E-|E2 z2|^D/2E/2 A3|]\nw: O Haupt voll Blut\n'
    chorale = read_melody(save(tmp_path, tune))
    assert sung(chorale) == [(64, 4), (69, 4), (67, 4), (65, 4), (64, 12), (0, 8), (63, 2), (64, 2), (69, 12)]
    assert (chorale.time_signature, chorale.pickup, str(chorale.key)) == ((4, 4), 4, "A minor")
    assert chorale.title == "O Haupt voll Blut"


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("^F G F G|F4|", [66, 67, 66, 67, 65]),
        ("^F G f =F|F4|", [66, 67, 78, 65, 65]),  # in all octaves, and up to a natural
        ("^F G A F-|F F G2|", [66, 67, 69, 66, 65, 67]),  # over the bar line, for as long as it is tied
        ("_B B ^^c c|", [70, 70, 74, 74]),
        ("[K:D]F c [K:C]F c|", [66, 73, 65, 72]),
    ],
)
def test_an_accidental_holds_up_to_the_bar_line(tmp_path: Path, music: str, expected: list[int]) -> None:
    """Also where no version of ABC stands in the file: music21, which once read it, took each for one note."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)  # of changes of key
        notes = sung(read_melody(save(tmp_path, f"{HEAD}{music}\n")))
    assert [pitch for pitch, _ in notes] == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("C", [65, 71, 60, 67]),
        ("G", [66, 71, 60, 67]),
        ("Fm", [65, 70, 60, 67]),
        ("Bb", [65, 70, 60, 67]),
        ("F#", [66, 71, 61, 68]),
        ("A Mix", [66, 71, 61, 67]),
        ("Edor", [66, 71, 61, 67]),
        ("E phrygian", [65, 71, 60, 67]),
        ("Flyd", [65, 71, 60, 67]),
        ("Bloc", [65, 71, 60, 67]),
        ("HP", [66, 71, 61, 67]),
        ("none", [65, 71, 60, 67]),
        ("D =c", [66, 71, 60, 67]),
        ("D exp ^g", [65, 71, 60, 68]),
        ("G clef=treble", [66, 71, 60, 67]),
        ("clef=bass octave=1", [77, 83, 72, 79]),
        ("C treble+8", [77, 83, 72, 79]),
        ("C transpose=-2", [63, 69, 58, 65]),
    ],
)
def test_a_key_says_how_notes_sound(tmp_path: Path, key: str, expected: list[int]) -> None:
    assert pitches(tmp_path, "F B C G|", f"X:1\nM:4/4\nL:1/4\nK:{key}\n") == expected


@pytest.mark.parametrize(
    ("head", "length"),
    [("M:4/4", 2), ("M:3/4", 2), ("M:2/4", 1), ("M:6/8", 2), ("M:C|", 2), ("M:none", 2), ("", 2), ("M:2/4\nL:1/8", 2)],
)
def test_the_usual_length_of_a_note_follows_from_the_metre(tmp_path: Path, head: str, length: int) -> None:
    assert read(tmp_path, "C D", f"X:1\n{head}\nK:C\n") == [(60, length), (62, length)]


@pytest.mark.parametrize(
    ("music", "lengths"),
    [
        ("C2 D/ E/2 F3/2 G//", [8, 2, 2, 6, 1]),
        ("C>D E<F", [6, 2, 2, 6]),
        ("L:1/4\nC>>D", [7, 1]),
        ("C2->D2 E", [12, 4, 4]),
        ("(3:2:4C3D3E3 F3", [8, 8, 8, 8]),
        ("(3C3D3E3 F", [8, 8, 8, 4]),
        ("C x z2 D y4", [4, 12, 4]),
        ("C D E F|Z2|G4|", [4, 4, 4, 4, 32, 16]),
    ],
)
def test_lengths_are_as_written(tmp_path: Path, music: str, lengths: list[int]) -> None:
    assert [length for _, length in read(tmp_path, music)] == lengths


@pytest.mark.parametrize(
    "ending", ["e2:|", 'e2 "^text"|', '">text"e2|', "e2 !trill!|", "e2! |!", "e2$|", "T.~e2|", "e2 \\"]
)
def test_what_stands_around_a_note_costs_none(tmp_path: Path, ending: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        assert sung(read_melody(save(tmp_path, f"{HEAD}c d e2|c d\n{ending}\n")))[-1] == (76, 8)


@pytest.mark.parametrize(
    ("music", "order"),
    [
        ("|:C D E F:|", (0, 0)),
        ("C D E F:|C4|", (0, 0, 1)),
        ("C D E F|1 G4:|2 A4|]", (0, 1, 0, 2)),
        ("C D E F|[1 G4|]", ()),
        ('C D E F "^D.C. al fine"|', (0, 0)),
        ('C4 !fine!|D4|E4 "^D.C. al fine"|', (0, 1, 2, 0)),
        ("C4|!segno!D4|E4!D.S.!|", (0, 1, 2, 1, 2)),
        ("C D E F::G4:|", (0, 0, 1, 1)),
    ],
)
def test_repeats_and_jumps_are_the_order_of_playing(tmp_path: Path, music: str, order: tuple[int, ...]) -> None:
    chorale = read_melody(save(tmp_path, f"{HEAD}{music}\n"))
    assert chorale.order == order
    assert len(chorale.measures) == len({0, *order}) or not order


def test_metres_and_keys_change_where_they_stand(tmp_path: Path) -> None:
    for music in ("C D E F|[M:3/4][K:Gmix]G A B|", "C D E F|\nM:3/4\nK:Gmix\nG A B|"):
        chorale = read_melody(save(tmp_path, f"{HEAD}{music}\n"))
        assert [measure.time_signature for measure in chorale.measures] == [(4, 4), (3, 4)]
        assert (chorale.key, chorale.keys) == (Key(0), ((16, Key(0, "mixolydian")),))


@pytest.mark.parametrize(
    ("music", "number"), [("[CEG] D E F|", 2), ("C D E F & c d e f|", 4)], ids=["a chord", "laid over"]
)
def test_what_sounds_with_the_tune_is_told(tmp_path: Path, music: str, number: int) -> None:
    assert f"the tune is the top one; left out {number} notes" in told(tmp_path, music)


def test_notes_tied_within_chords_are_one(tmp_path: Path) -> None:
    with pytest.warns(ScoreWarning, match="the tune is the top one"):
        assert sung(read_melody(save(tmp_path, f"{HEAD}[CE-]2 [CE]2|[CE]2-[CE]2|\n"))) == [(64, 16), (64, 16)]


@pytest.mark.parametrize("fermata", ["H", "!fermata!", "+fermata+"])
def test_fermatas_are_kept(tmp_path: Path, fermata: str) -> None:
    chorale = read_melody(save(tmp_path, f'{HEAD}C D "^H"E {fermata}^F|z4|{fermata}z2 G2|\n'))
    assert chorale.fermatas.nonzero()[0].tolist() == [12, 13, 14, 15]


PARTS = "cdef|g4|", "GABc|B4|", "EFGA|G4|", "CCCC|G,4|"
BY_VOICE = "".join(f"V:{{{index}}}\n{part}\n" for index, part in enumerate(PARTS))
BY_LINE = "".join(f"V:{{{index}}}\n{part.split('|')[line]}|\n" for line in (0, 1) for index, part in enumerate(PARTS))
IN_BRACKETS = "".join(
    f"[V:{{{index}}}]{part.split('|')[line]}|\n" for line in (0, 1) for index, part in enumerate(PARTS)
)


@pytest.mark.parametrize("ids", ["1234", "SATB", ["S1", "A1", "T1", "B1"]])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("body", [BY_VOICE, BY_LINE, IN_BRACKETS])
def test_voices_are_read_however_they_are_written(tmp_path: Path, body: str, named: bool, ids: list[str]) -> None:
    """Music21 joined them one after another, or cut them off where the next began."""
    head = [f'V:{its} name="{voice.capitalize()}"\n' for its, voice in zip(ids, VOICES, strict=True)] if named else []
    chorale = read_chorale(save(tmp_path, f"X:1\nM:4/4\nL:1/4\n{''.join(head)}K:C\n{body.format(*ids)}"))
    assert sung(chorale, 0) == [(72, 4), (74, 4), (76, 4), (77, 4), (79, 16)]
    assert sung(chorale, 3) == [(60, 4), (60, 4), (60, 4), (60, 4), (55, 16)]


def test_fields_before_the_first_voice_are_for_all(tmp_path: Path) -> None:
    body = 'V:1 name="Soprano"\nK:C\nM:3/4\nL:1/4\nK:G\nV:1\nFGA|B3|\nV:2 name="Bass"\nF3|G3|\n'
    chorale = read_voices(save(tmp_path, f"X:1\n{body}"))
    assert [sung(chorale, column) for column in (0, 3)] == [[(66, 4), (67, 4), (69, 4), (71, 12)], [(66, 12), (67, 12)]]
    assert (chorale.time_signature, str(chorale.key)) == ((3, 4), "G major")


def test_a_voice_s_own_key_and_clef_are_no_other_s(tmp_path: Path) -> None:
    body = 'V:1 name="Soprano"\nV:2 name="Bass" clef=bass-8\nK:C\n[V:1][K:G]F4|\n[V:2]F4|\n'
    chorale = read_voices(save(tmp_path, f"X:1\nM:4/4\nL:1/4\n{body}"))
    assert [sung(chorale, column) for column in (0, 3)] == [[(66, 16)], [(53, 16)]]
    assert str(chorale.key) == "G major"


def test_drums_are_no_part(tmp_path: Path) -> None:
    text = "X:1\nM:4/4\nL:1/4\nV:1 clef=perc\nV:2\nK:C\nV:1\nCCCC|\nV:2\nGGGG|\n"
    assert pitches(tmp_path, "", text) == [67] * 4


def test_words_are_no_music(tmp_path: Path) -> None:
    block = "%%begintext\nA bad fade\n%%endtext\n"
    text = f"{HEAD}C D E F|% He sang\n{block}G A B c|\n\nTranscribed by Ada, a fade.\n"
    assert pitches(tmp_path, "", text) == [60, 62, 64, 65, 67, 69, 71, 72]


def test_a_title_in_latin_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "tune.abc").write_bytes(f"{HEAD}CDEF|".replace("M:", "T:Für\nM:").encode("latin-1"))
    assert read_melody(tmp_path / "tune.abc").title == "Für"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{HEAD}[CE\nG|\n", "a chord of it has no end: [CE"),
        (f"{HEAD}[CE|G]|\n", "a chord of it has no end: [CE|G]|"),
        (f"{HEAD}C D _ E|\n", "an accidental of it stands before no note: C D _ E|"),
        (f"{HEAD}C ^/D E|\n", "it has quarter tones: C ^/D E|"),
        (f"{HEAD}C D/0|\n", "a length of it is divided by 0"),
        (f"{HEAD}(0CDE|\n", "a tuplet of it has no notes"),
        (f"{HEAD}[M:0/4]C|\n", "a time signature of it has no beats"),
        (f"{HEAD}[L:1/0]C|\n", "its length of notes is '1/0'"),
        (f"{HEAD}[K:J]C|\n", "its key is 'J'"),
        ("C D E F|\n", "it has no line K:, after which a tune begins"),
        (f"{HEAD}CDEF|\n\n{HEAD.replace('X:1', 'X:2')}CDEF|\n", "holds 2 pieces; expected one"),
    ],
)
def test_what_can_not_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(tmp_path, text)
