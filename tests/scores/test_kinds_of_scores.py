"""Small scores of kinds that programs and collections have, and that readers once got wrong."""

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import pytest
from comparing import given_in, lengths_of, read, source_of, stubbed
from handwritten import line, note, score

from bachlit.errors import ScoreError
from bachlit.music.chorale import REST, Chorale
from bachlit.scores import ScoreWarning, read_chorale, read_voices, to_midi, to_musicxml
from bachlit.scores.reading.safe_xml import parse_xml

BAR_OF_FOUR = line("C4 D4 E4 F4")
SUBSPINES = """**kern\t**kern
*clefF4\t*clefG2
*k[b-]\t*k[b-]
*M4/4\t*M4/4
=1\t=1
*\t*^
2F\t2f\t2c
2C\t2g\t2e
*\t*v\t*v
=2\t=2
*\t*^
*\t*^\t*
2D\t2a\t2f\t2d
2BB-\t2b-\t2f\t2d
*\t*v\t*v\t*
*\t*v\t*v
=3\t=3
1F\t1a
==\t==
*-\t*-
"""
UNMEASURED = "**kern\n*k[b-]\n*MX\n=1\n4f\n4g\n4a\n2f\n=2\n4a\n4b-\n2cc\n=3\n4a\n4g\n2f\n==\n*-\n"
CLARINET = '**kern\n*I"Clarinetto in A\n*ITrd2c3\n*k[f#c#g#]\n*M4/4\n=1\n4a\n4b\n4cc#\n4dd\n=2\n2ee\n2cc#\n==\n*-\n'
TENOR_CLEF = "**kern\n*clefGv2\n*k[]\n*M4/4\n=1\n4c\n4d\n4e\n4f\n=2\n1g\n==\n*-\n"
WORDS = """**kern\t**text\t**kern
*I"Bass\t*\t*I"Soprano
*k[f#]\t*\t*k[f#]
*M4/4\t*\t*M4/4
4GG\tAb\t4g
=1\t=1\t=1
4G\tend\t4b
4D\t.\t4a
2GG;\tlicht\t2b;
==\t==\t==
*-\t*-\t*-
"""
ENDINGS = """X:1
M:6/8
L:1/8
K:Ador
|:E|A2B c2d|e2d B2G|A2B c2A|1 B2A G2:|2 B2A A2e||
e2g a2g|e2d B2d|e2d c2B|A3 A2|]
"""
OCTAVE_CLEF = "X:1\nM:3/4\nL:1/8\nK:D\nV:1 treble\nV:1\n[K:clef=treble-8]\nd2 e2 f2|a2 f2 d2|d6|]\n"
BARE_CLEF = "X:1\nM:4/4\nL:1/4\nK:G\nV:1 treble-8\nV:2 bass\n[V:1]d g a b|c' b a2|\n[V:2]G,,2 D,2|E,2 D,2|\n"
HEADER = "%abc-2.1\nM:4/4\nL:1/8\nR:reel\n\nX:1\nT:Header above\nK:D\nd2fd A2fd|e2ce d4|]\n"
BOOK = "X:1\nT:First\nM:6/8\nL:1/8\nK:D\nA|d2d f2d|d3 d2:|\n\nX:2\nT:Second\nM:3/4\nL:1/4\nK:G\nD|GAB|G2|]\n"


def saved(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def sung(chorale: Chorale, column: int = 0) -> list[int]:
    """Pitches of a voice in order."""
    begins = chorale.onsets[:, column] & (chorale.pitches[:, column] != REST)
    return chorale.pitches[begins, column].tolist()


def test_the_top_of_sub_spines_is_the_tune(tmp_path: Path) -> None:
    assert sung(read(saved(tmp_path, "a.krn", SUBSPINES))) == [65, 67, 69, 70, 69]


def test_kern_without_a_metre_has_bars_as_long_as_it_writes_them(tmp_path: Path) -> None:
    with pytest.warns(ScoreWarning, match="has no metre; its bars are as long as it writes them"):
        chorale = read_voices(saved(tmp_path, "a.krn", UNMEASURED))
    assert [measure.length for measure in chorale.measures] == [20, 16, 16]
    assert sung(chorale) == [65, 67, 69, 65, 69, 70, 72, 69, 67, 65]


@pytest.mark.parametrize(
    ("name", "text", "pitches", "key"),
    [
        ("a.krn", CLARINET, [69, 71, 73, 74, 76, 73], "A major"),  # kern is written as it sounds
        ("a.krn", TENOR_CLEF, [60, 62, 64, 65, 67], "C major"),
        ("a.abc", OCTAVE_CLEF, [62, 64, 66, 69, 66, 62, 62], "D major"),
        ("a.abc", BARE_CLEF, [62, 67, 69, 71, 72, 71, 69], "G major"),
        ("a.abc", HEADER, [74, 78, 74, 69, 78, 74, 76, 73, 76, 74], "D major"),
    ],
)
def test_clefs_and_transposing_parts_are_read_as_they_sound(
    tmp_path: Path, name: str, text: str, pitches: list[int], key: str
) -> None:
    chorale = read(saved(tmp_path, name, text))
    assert (sung(chorale), str(chorale.key)) == (pitches, key)


def test_words_in_kern_come_back_under_their_notes(tmp_path: Path) -> None:
    chorale = stubbed(read(saved(tmp_path, "a.krn", WORDS), voices=["bass"]))
    again = saved(tmp_path, "again.musicxml", to_musicxml(chorale))
    part = source_of(read(again, voices=["bass"])).document.findall("part")[-1]
    assert [
        (note.findtext("pitch/step"), note.findtext("lyric/text"))
        for note in part.iter("note")
        if note.find("lyric") is not None
    ] == [("G", "Ab"), ("G", "end"), ("G", "licht")]


def test_an_ending_shorter_by_the_pickup_shifts_no_bar_line(tmp_path: Path) -> None:
    chorale = read(saved(tmp_path, "a.abc", ENDINGS))
    assert [measure.length for measure in chorale.measures] == [2, 12, 12, 12, 10, 12, 12, 12, 12, 10]
    assert [measure.position for measure in chorale.measures] == [10, *[0] * 9]
    assert chorale.order == (0, 1, 2, 3, 4, 0, 1, 2, 3, 5, 6, 7, 8, 9)
    assert str(chorale.key) == "A dorian"


@pytest.mark.parametrize("mode", ["dorian", "phrygian", "lydian", "mixolydian", "aeolian", "locrian"])
def test_a_mode_keeps_its_tonic(tmp_path: Path, mode: str) -> None:
    tune = f"X:1\nM:4/4\nL:1/4\nK:D{mode[:3]}\nDEFG|D4|]\n"
    chorale = read(saved(tmp_path, "a.abc", tune))
    assert str(chorale.key) == f"D {mode}"
    again = read(saved(tmp_path, "a.musicxml", to_musicxml(chorale)))
    assert again.key == chorale.key


@pytest.mark.parametrize(("tune", "pitches"), [("2", [62, 67, 69, 71, 67]), ("second", [62, 67, 69, 71, 67])])
def test_a_tune_of_a_book_is_chosen_by_number_or_title(tmp_path: Path, tune: str, pitches: list[int]) -> None:
    path = saved(tmp_path, "a.abc", BOOK)
    assert sung(read(path, tune=tune)) == pitches
    with pytest.raises(ScoreError, match="holds 2 pieces; expected one; choose it by its number or title with --tune"):
        read(path)
    with pytest.raises(ScoreError, match="no tune 'third'; expected a number or a title of its 2: 1 First; 2 Second;"):
        read(path, tune="third")


def test_divisions_after_notes_hold_for_the_whole_measure(tmp_path: Path) -> None:
    attributes = (
        "<attributes><divisions>2</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    )
    names = ["G4", "A4", "B4", "G4"]
    quarter = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>2</duration></note>"
    notes = [quarter.format(name[0]) for name in names]
    text = (
        '<score-partwise><part-list><score-part id="P1"><part-name/></score-part></part-list><part id="P1">'
        f'<measure number="1">{notes[0]}{attributes}{"".join(notes[1:])}</measure></part></score-partwise>'
    )
    chorale = read(saved(tmp_path, "a.musicxml", text))
    assert chorale.onsets[:, 0].nonzero()[0].tolist() == [0, 4, 8, 12]


def closed(second: str) -> str:
    """Two staves of two voices, as in hymnals; the lower ones as voices or in chords."""
    upper, lower = line("C5 B4 C5 D5"), line("G4 G4 G4 G4")
    high, low = line("E4 D4 E4 F4"), line("C3 G3 C3 B2")
    if second == "voices":
        back = "<backup><duration>192</duration></backup>"
        lower, low = (part.replace("<voice>1<", "<voice>2<") for part in (lower, low))
        bars = [upper + back + lower, high + back + low]
    else:
        bars = [
            "".join(
                f"{one}</note>{two.replace('<note>', '<note><chord/>')}</note>"
                for one, two in zip(above.split("</note>")[:-1], below.split("</note>")[:-1], strict=True)
            )
            for above, below in ((upper, lower), (high, low))
        ]
    return score(*([bar, bar] for bar in bars), names=["Women", "Men"])


@pytest.mark.parametrize("second", ["voices", "chords"])
def test_a_closed_score_is_four_voices(tmp_path: Path, second: str) -> None:
    path = saved(tmp_path, "a.musicxml", closed(second))
    chorale = read_chorale(path)
    assert chorale.pitches[::4].tolist() == [[72, 67, 64, 48], [71, 67, 62, 55], [72, 67, 64, 48], [74, 67, 65, 47]] * 2
    two = read_voices(path, ["soprano", "bass"])
    assert two.pitches[:, [0, 3]].tolist() == chorale.pitches[:, [0, 3]].tolist()
    again = read_chorale(saved(tmp_path, "again.musicxml", to_musicxml(chorale)))
    assert again.pitches.tolist() == chorale.pitches.tolist()
    assert again.onsets.tolist() == chorale.onsets.tolist()


def test_a_tune_that_rests_around_it_keeps_its_rests(tmp_path: Path) -> None:
    rest = '<note><rest measure="yes"/><duration>192</duration></note>'
    chorale = read(saved(tmp_path, "a.musicxml", score([rest, line("r A4 F#4 G4"), rest, note("D4", 16), rest])))
    assert [bool(chorale.pitches[start : start + 16].any()) for start in range(0, 80, 16)] == [
        False, True, False, True, False,
    ]  # fmt: skip


PARTS = [["C5", "Flute", 1], ["E4", "Flute", 2], ["G3", "Cello", 3]]


def scored() -> str:
    return score(*([note(pitch, 16)] for pitch, _, _ in PARTS), names=[name for _, name, _ in PARTS])


@pytest.mark.parametrize(("part", "pitch"), [("1", 72), ("2", 64), ("cello", 55), ("Cel", 55)])
def test_a_part_is_chosen_by_number_or_name(tmp_path: Path, part: str, pitch: int) -> None:
    assert sung(read(saved(tmp_path, "a.musicxml", scored()), part=part)) == [pitch]


@pytest.mark.parametrize("part", ["0", "4", "Flute", "Horn", "", "-1"])
def test_a_part_that_is_none_or_several_is_refused_with_names(tmp_path: Path, part: str) -> None:
    with pytest.raises(ScoreError) as error:
        read(saved(tmp_path, "a.musicxml", scored()), part=part)
    assert "expected a number from 1 to 3 or one of these names: part 1 (Flute), part 2 (Flute), part 3 (Cello)" in str(
        error.value
    )


def test_parts_with_one_name_are_told_by_instrument_and_channel(tmp_path: Path) -> None:
    text = scored()
    for number in (0, 1, 2):
        more = (
            f'<score-instrument id="P{number}-I"><instrument-name>Pan {number}</instrument-name></score-instrument>'
            f'<midi-instrument id="P{number}-I"><midi-channel>{number + 3}</midi-channel></midi-instrument>'
        )
        text = text.replace(f'id="P{number}"><part-name>', f'id="P{number}">{more}<part-name>', 1)
    with pytest.warns(ScoreWarning) as warned:
        read_voices(saved(tmp_path, "a.musicxml", text))
    [message] = [str(warning.message) for warning in warned]
    assert "part 1 (Flute, Pan 0, channel 3)" in message
    assert "part 2 (Flute, Pan 1, channel 4)" in message
    assert "part 3 (Cello)" in message


def test_the_tune_of_midi_on_one_track_is_the_channel_that_sings(tmp_path: Path) -> None:
    chords = [(0, 0, pitch, 1920) for pitch in (55, 59, 62)] + [(1920, 0, pitch, 1920) for pitch in (48, 52, 55)]
    tune = [(480 * place, 3, pitch, 480) for place, pitch in enumerate([67, 69, 71, 67, 72, 71, 69, 69])]
    drums = [(480 * place, 9, 36 + place % 2, 60) for place in range(8)]
    path = saved(tmp_path, "a.mid", one_track([*chords, *tune, *drums]))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        chorale = read_voices(path)
    assert sung(chorale) == [67, 69, 71, 67, 72, 71, 69, 69]
    assert "channel 4" in str(warned[0].message).partition(";")[0]
    assert [str(each.message).partition(": ")[2] for each in warned[1:]] == [
        "no mode of its key is written; heard as G major; --key says otherwise."
    ]


def one_track(notes: list[tuple[int, int, int, int]]) -> bytes:
    """MIDI of type 0: notes of (tick, channel, pitch, length)."""
    events = [(start, bytes([0x90 | channel, pitch, 80])) for start, channel, pitch, _ in notes]
    events += [(start + length, bytes([0x80 | channel, pitch, 0])) for start, channel, pitch, length in notes]
    data, now = b"", 0
    for time, message in sorted(events, key=lambda event: (event[0], event[1][0] & 0x10)):
        wait = time - now
        data += bytes([wait >> 7 | 0x80, wait & 0x7F]) + message
        now = time
    data += b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(data).to_bytes(4, "big") + data


def test_a_tune_in_a_piano_part_is_taken_out(tmp_path: Path) -> None:
    right = line("E5 D5 C5 D5").replace("</note>", "<staff>1</staff></note>")
    left = note("C3", 8, voice=5) + note("G3", 8, voice=5)
    staves = right + "<backup><duration>192</duration></backup>" + left.replace("</note>", "<staff>2</staff></note>")
    path = saved(tmp_path, "a.musicxml", score([staves, staves], names=["Piano"], attributes="<staves>2</staves>"))
    with pytest.warns(ScoreWarning, match=r"taken from part 1 \(Piano, staff 1\); left out: part 2 \(Piano, staff 2\)"):
        chorale = read_voices(path)
    assert given_in(chorale).heads is not None
    part = source_of(read(saved(tmp_path, "b.musicxml", to_musicxml(stubbed(chorale))))).document.find("part")
    assert part is not None
    assert [element.text for element in part.iter("step")] == list("EDCD") * 2
    assert not [*part.iter("staff"), *part.iter("staves"), *part.iter("backup")]


def test_a_rest_of_a_second_voice_makes_no_pickup_longer(tmp_path: Path) -> None:
    rest = '<note><rest measure="yes"/><duration>192</duration><voice>2</voice></note>'
    pickup = note("G4") + "<backup><duration>48</duration></backup>" + rest
    second = "<backup><duration>192</duration></backup>" + note("C4", 16, voice=2)
    path = saved(tmp_path, "a.musicxml", score([pickup, line("A4 B4 C5 D5") + second]))
    chorale = stubbed(read(path))
    assert (chorale.pickup, chorale.num_frames) == (4, 20)
    for part in parse_xml(to_musicxml(chorale)).iterfind("part"):
        assert lengths_of(part) == [1, 4]


def test_silence_behind_the_last_note_is_not_written_as_a_rest(tmp_path: Path) -> None:
    """As in a piece with a pickup, whose last measure is filled up without a rest."""
    chord = note("C5", 12) + note("E4", 12, before="<chord/>")
    silence = "<forward><duration>48</duration></forward>"
    chorale = stubbed(read(saved(tmp_path, "a.musicxml", score([note("G4"), line("A4 B4 C5 D5"), chord + silence]))))
    assert chorale.num_frames == 32
    for part in parse_xml(to_musicxml(chorale)).iterfind("part"):
        assert lengths_of(part) == [1, 4, 3]


def test_what_midi_holds_comes_back_from_midi(tmp_path: Path) -> None:
    tune = "X:1\nT:Tune\nM:3/4\nL:1/8\nQ:1/4=100\nK:F\nF2(3GAB c2|[M:2/4]d4|[M:3/4]e6|]\n"
    chorale = read(saved(tmp_path, "a.abc", tune))
    again = read(saved(tmp_path, "a.mid", to_midi(chorale, voices=["soprano"])))
    assert again.pitches.tolist() == chorale.pitches.tolist()
    assert again.measures == chorale.measures
    assert (again.key, again.title) == (chorale.key, "Tune")
    exact: list[list[Any]] = [[note[:3] for note in given_in(one).notes] for one in (chorale, again)]
    assert exact[0] == exact[1]
    assert source_of(again).tempos == source_of(chorale).tempos


def test_a_tune_that_rests_in_a_pickup_comes_back_with_it(tmp_path: Path) -> None:
    """Also where all new parts rest there too: then only the rests tell how long the measure is."""
    rest = '<note><rest measure="yes"/><duration>48</duration></note>'
    path = saved(tmp_path, "a.musicxml", score([rest, line("C4 D4 E4 F4")], [note("G3"), note("C3", 16)]))
    chorale = read(path, part="1")
    assert chorale.pickup == 4
    again = read(saved(tmp_path, "again.musicxml", to_musicxml(chorale)), part="1")
    assert again.measures == chorale.measures


def test_g_flat_stays_g_flat_an_octave_higher(tmp_path: Path) -> None:
    text = score([line("Gb4 Ab4 Bb4 Cb5")]).replace("<fifths>0", "<fifths>-6")
    higher = stubbed(read(saved(tmp_path, "a.musicxml", text)).transpose(12))
    assert higher.key.fifths == -6
    for part in parse_xml(to_musicxml(higher)).iterfind("part"):
        assert {pitch.findtext("alter") for pitch in part.iter("pitch")} <= {"-1", "0", None}


@pytest.mark.parametrize("version", ["", ' meiversion="3.0.0"', ' meiversion="5.1"'])
def test_mei_of_any_version_is_read(tmp_path: Path, version: str) -> None:
    music = (
        f'<mei xmlns="http://www.music-encoding.org/ns/mei"{version}><music><body><mdiv><score>'
        '<scoreDef meter.count="4" meter.unit="4" keysig="1s"><staffGrp><staffDef n="1" lines="5" clef.shape="G" '
        'clef.line="2"/></staffGrp></scoreDef><section><measure n="1"><staff n="1"><layer n="1">'
        '<note dur="2" pname="g" oct="4"/><note dur="2" pname="b" oct="4"/></layer></staff></measure></section>'
        "</score></mdiv></body></music></mei>"
    )
    assert sung(read(saved(tmp_path, "a.mei", music))) == [67, 71]


def test_jumps_over_a_part_that_is_left_out_come_back(tmp_path: Path) -> None:
    """They stand over the top part of a score; the tune may be another."""
    words = "<direction><direction-type><words>{}</words></direction-type><staff>1</staff></direction>"
    top = [note("C6", 16) + words.format("Fine"), note("C6", 16), note("C6", 16) + words.format("D.C. al Fine")]
    path = saved(tmp_path, "a.musicxml", score(top, [line("C4 D4 E4 F4")] * 3, names=["Flute", "Voice"]))
    chorale = stubbed(read(path, part="Voice"))
    assert chorale.order == (0, 1, 2, 0)
    text = to_musicxml(chorale)
    assert read_chorale(saved(tmp_path, "again.musicxml", text)).order == chorale.order
    assert [part.get("id") for part in parse_xml(text).iterfind("part") if part.find(".//words") is not None] == [
        "Alto"
    ]
    whole = stubbed(read(path, part="Flute"))
    assert to_musicxml(whole).count("D.C. al Fine") == 1


def test_repeats_of_a_part_that_is_left_out_are_the_new_parts(tmp_path: Path) -> None:
    repeat = '<barline location="right"><repeat direction="backward"/></barline>'
    text = score(
        [line("C3 C3 C3 C3") + repeat, line("C3 C3 C3 C3")], [line("C4 D4 E4 F4")] * 2, names=["Piano", "Melody"]
    )
    (tmp_path / "song.musicxml").write_text(text)
    with pytest.warns(ScoreWarning):
        chorale = read_voices(tmp_path / "song.musicxml")
    assert chorale.order == (0, 0, 1)
    tune, *new = parse_xml(to_musicxml(chorale)).findall("part")
    assert tune.find("measure/barline") is None
    assert [part.find("measure/barline/repeat") is not None for part in new] == [True] * 3


def test_a_rewritten_bar_keeps_words_and_chord_symbols(tmp_path: Path) -> None:
    """Words stay with the notes that begin where theirs did."""
    harmony = "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"
    lyric = "<lyric><syllabic>single</syllabic><text>la</text></lyric>"
    (tmp_path / "song.musicxml").write_text(score([harmony + BAR_OF_FOUR.replace("</note>", f"{lyric}</note>")]))
    chorale = read_voices(tmp_path / "song.musicxml")
    pitches, onsets = chorale.pitches.copy(), chorale.onsets.copy()
    pitches[4:12, 0], onsets[8, 0] = 65, False
    tune = parse_xml(to_musicxml(dataclasses.replace(chorale, pitches=pitches, onsets=onsets))).find("part")
    assert tune is not None
    assert [one.findtext("lyric/text") for one in tune.iter("note")] == ["la", "la", "la"]
    assert len(list(tune.iter("harmony"))) == 1


def test_a_part_with_figures_is_a_bass(tmp_path: Path) -> None:
    figures = "<figured-bass><figure><figure-number>6</figure-number></figure></figured-bass>"
    (tmp_path / "bass.musicxml").write_text(score([figures + note("C3", 16)], names=["Continuo"]))
    assert read_voices(tmp_path / "bass.musicxml").pitches[0].tolist() == [0, 0, 0, 48]


def test_parts_that_end_early_rest_to_the_end(tmp_path: Path) -> None:
    text = score([BAR_OF_FOUR] * 2, [BAR_OF_FOUR], names=["Soprano", "Bass"])
    (tmp_path / "song.musicxml").write_text(text)
    chorale = stubbed(read_voices(tmp_path / "song.musicxml"))
    bass = parse_xml(to_musicxml(chorale)).findall("part")[-1]
    [rest] = bass.findall("measure")[1].findall("note")
    assert (rest.find("rest[@measure='yes']") is not None, rest.findtext("duration")) == (True, "192")


def test_the_soprano_of_a_closed_score_has_its_name(tmp_path: Path) -> None:
    back = "<backup><duration>192</duration></backup>"
    staff = [BAR_OF_FOUR + back + line("A3 A3 A3 A3").replace("<voice>1", "<voice>2")] * 2
    (tmp_path / "hymn.musicxml").write_text(score(staff, staff, names=["Women", "Men"]))
    chorale = read_voices(tmp_path / "hymn.musicxml")
    names = [part.text for part in parse_xml(to_musicxml(chorale)).iterfind("part-list/score-part/part-name")]
    assert names == ["Soprano", "Alto", "Tenor", "Bass"]
