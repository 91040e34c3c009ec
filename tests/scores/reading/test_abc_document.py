"""A tune in ABC becomes a document in MusicXML that says all that the tune says."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from documents import check_lengths

from bachlit.scores.reading.abc.document import abc_document
from bachlit.scores.reading.abc.text import abc_tunes
from bachlit.scores.reading.musicxml import read_tree

HEAD = "X:1\nM:4/4\nL:1/4\nK:C\n"


def document(music: str, head: str = HEAD) -> Element:
    """The document of a line of music, which must add up."""
    root = abc_document(f"{head}{music}\n")
    assert read_tree(root).parts
    check_lengths(root)
    return root


def notes(root: Element) -> list[Element]:
    return list(root.iter("note"))


def found(root: Element, path: str) -> list[str]:
    """Texts at a path below the root, in order."""
    return [element.text or "" for element in root.iterfind(f".//{path}")]


def attributes(root: Element, tag: str, *names: str) -> list[tuple[str | None, ...]]:
    return [tuple(element.get(name) for name in names) for element in root.iter(tag)]


def spelled(note: Element) -> str:
    """C#4; an accidental that is shown stands before it, such as (sharp)C#4."""
    alter = {"-2": "bb", "-1": "b", "": "", "1": "#", "2": "##"}[note.findtext("pitch/alter", "")]
    name = f"{note.findtext('pitch/step', 'z')}{alter}{note.findtext('pitch/octave', '')}"
    shown = note.findtext("accidental")
    return f"({shown}){name}" if shown else name


def spelling(root: Element) -> str:
    return " ".join(spelled(note) for note in notes(root))


def values(root: Element) -> str:
    """Type and dots of each note."""
    return " ".join(note.findtext("type", "-") + "." * len(note.findall("dot")) for note in notes(root))


def numbers(root: Element) -> list[str]:
    return [measure.get("number", "") for measure in root.iter("measure")]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("^F G F _B|F4|", "(sharp)F#4 G4 F#4 (flat)Bb4 F4"),
        ("^F f =F|F4|", "(sharp)F#4 (sharp)F#5 (natural)F4 F4"),  # holds in all octaves: there it must be shown
        ("^F2 G2-|^F-|F F|", "(sharp)F#4 G4 (sharp)F#4 F#4 F4"),
        ("^^c __B c=B|", "(double-sharp)C##5 (flat-flat)Bbb4 C##5 (natural)B4"),
        ("{^c}d c =c2|", "(sharp)C#5 D5 (natural)C5 (natural)C5"),  # a grace note's own accidental
    ],
)
def test_notes_keep_their_spelling(music: str, expected: str) -> None:
    assert spelling(document(music)) == expected


@pytest.mark.parametrize(
    ("key", "fifths", "mode", "expected"),
    [
        ("C", "0", "major", "F4 B4 C5 G5"),
        ("Ddor", "0", "dorian", "F4 B4 C5 G5"),
        ("E phrygian", "0", "phrygian", "F4 B4 C5 G5"),
        ("Flyd", "0", "lydian", "F4 B4 C5 G5"),
        ("D Mix", "1", "mixolydian", "F#4 B4 C5 G5"),
        ("Bloc", "0", "locrian", "F4 B4 C5 G5"),
        ("Aaeo", "0", "aeolian", "F4 B4 C5 G5"),
        ("F#m", "3", "minor", "F#4 B4 C#5 G#5"),
        ("Gion", "1", "major", "F#4 B4 C5 G5"),
        ("HP", "2", None, "F#4 B4 C#5 G5"),
        ("H", "5", "major", "F#4 B4 C#5 G#5"),  # as Germans call B
        ("D =c", "1", "mixolydian", "F#4 B4 C5 G5"),
        ("D exp ^f", "1", "mixolydian", "F#4 B4 C5 G5"),
        ("Am ^g", "0", "minor", "F4 B4 C5 (sharp)G#5"),  # no signature has one sharp on G
        ("none", None, None, "F4 B4 C5 G5"),
    ],
)
def test_a_key_keeps_its_mode(key: str, fifths: str | None, mode: str | None, expected: str) -> None:
    root = document("F B c g|", f"X:1\nL:1/4\nM:4/4\nK:{key}\n")
    assert (root.findtext(".//key/fifths"), root.findtext(".//key/mode")) == (fifths, mode)
    assert spelling(root) == expected


def test_keys_and_metres_change_where_they_are_written() -> None:
    root = document(
        "C D E F|[K:Ador][M:3/4]A ^F2 [M:none]|\nM:2+3/8\nc3/2 c|[M:C]c [K:clef=bass]C,3|[M:C|]C,4|[K:Ador]C,4|"
    )
    changes = [[attribute.tag for attribute in changed if attribute.tag != "divisions"]
               for changed in root.iter("attributes")]  # fmt: skip
    assert changes == [["key", "time", "clef"], ["key", "time"], ["time"], ["time"], ["clef"], ["time"]]
    assert found(root, "mode") == ["major", "dorian"]
    assert found(root, "beats") == ["4", "3", "2+3", "4", "2"]
    assert [time.get("symbol") for time in root.iter("time")] == [None, None, None, "common", "cut"]
    assert numbers(root) == ["1", "2", "3", "4", "5", "6"]


def test_a_key_before_a_bar_line_begins_after_it() -> None:
    root = document("C D E F [K:G]|F4|")
    first, second = root.iter("measure")
    assert [key.findtext("fifths") for key in first.iter("key")] == ["0"]
    assert [key.findtext("fifths") for key in second.iter("key")] == ["1"]


def test_without_metre_nothing_is_counted() -> None:
    root = document("CDEFG|AB|c|", "X:1\nM:none\nL:1/4\nK:C\n")
    assert root.find(".//time/senza-misura") is not None
    assert numbers(root) == ["1", "2", "3"]
    assert numbers(document("CDEFGABc", "X:1\nM:none\nL:1/4\nK:C\n")) == ["1"]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C2 D/E/ F//G//A/B3/4c/4", "half eighth eighth 16th 16th eighth eighth. 16th"),
        ("C7/4 D/4 E2", "quarter.. 16th half"),
        ("C>D E<F", "quarter. eighth eighth quarter."),
        ("C5/2 z3/2", "half eighth quarter."),
        ("C8|Z|", "breve -"),
    ],
)
def test_lengths_are_values_with_dots(music: str, expected: str) -> None:
    assert values(document(music)) == expected


def test_a_length_without_a_value_is_tied() -> None:
    root = document("(C5/2 D3/2)|(3:2:1E9/2 z|")  # whole and eighth, two thirds of each
    assert attributes(root, "slur", "type") == [("start",), ("stop",)]
    first, second = notes(root)[:2]
    assert [tie.get("type") for tie in (*first.iter("tie"), *second.iter("tie"))] == ["start", "stop"]
    assert [tied.get("type") for tied in (*first.iter("tied"), *second.iter("tied"))] == ["start", "stop"]


@pytest.mark.parametrize(
    ("music", "metre", "ratio", "expected"),
    [
        ("(3CDE F2", "4/4", ("3", "2"), [2, 2, 2, 6]),
        ("(3:2:4CDE F z4", "4/4", ("3", "2"), [2, 2, 2, 2, 12]),
        ("(2CDE", "6/8", ("2", "3"), [9, 9, 6]),
        ("(5CDEFG", "6/8", ("5", "3"), [9] * 5),
        ("(5CDEFG", "4/4", ("5", "2"), [2] * 5),
    ],
)
def test_tuplets_are_kept(music: str, metre: str, ratio: tuple[str, str], expected: list[int]) -> None:
    root = document(f"{music}|", f"X:1\nM:{metre}\nL:1/4\nK:C\n")
    first = notes(root)[0]
    modification = first.findtext("time-modification/actual-notes"), first.findtext("time-modification/normal-notes")
    assert modification == ratio
    assert first.findtext("type") == "quarter"
    divisions = Fraction(root.findtext(".//divisions", "0"))
    lengths = [Fraction(note.findtext("duration", "0")) / divisions for note in notes(root)]
    usual = [Fraction(length) for length in expected]
    scale = lengths[0] / usual[0]
    assert lengths == [length * scale for length in usual]
    assert [tuplet.get("type") for tuplet in root.iter("tuplet")] == ["start", "stop"]


def test_a_tuplet_s_bracket_ends_at_the_bar_line() -> None:
    root = document("C2 C (3CD|E F3|")
    assert [tuplet.get("type") for tuplet in root.iter("tuplet")] == ["start", "stop", "start", "stop"]


def test_ties_and_slurs_are_no_other() -> None:
    root = document("(C D- D) E-|(E (F) G) A-|B (c|d) .(e f) z|")
    assert [tie.get("type") for tie in root.iter("tie")] == ["start", "stop", "start", "stop"]
    slurs = attributes(root, "slur", "number", "type", "line-type")
    assert [slur[:2] for slur in slurs] == [
        ("1", "start"), ("1", "stop"), ("1", "start"), ("2", "start"), ("1", "stop"), ("2", "stop"),
        ("1", "start"), ("1", "stop"), ("1", "start"), ("1", "stop"), ("1", "start"), ("1", "stop"),
    ]  # fmt: skip
    assert [slur[2] for slur in slurs].count("dotted") == 1


def test_a_tie_after_a_grace_note_ties_no_other_notes() -> None:
    assert not list(document("C {d}-C E F|").iter("tie"))


def test_slurs_that_never_end_are_left_out() -> None:
    assert not list(document("(C D E F)|)G (A) B (c|").iter("slur"))[2:]


def test_chords_hold_together() -> None:
    root = document("[CE-G]2 [EG]2|[CEG]2-[CEG]2|", HEAD)
    assert [note.find("chord") is not None for note in notes(root)] == [False, True, True, False, True] + [
        False, True, True,
    ] * 2  # fmt: skip
    tied = [(spelled(note), [tie.get("type") for tie in note.iter("tie")]) for note in notes(root)]
    assert tied[1] == ("E4", ["start"])
    assert tied[3] == ("E4", ["stop"])
    assert all(ties == ["start"] for _, ties in tied[5:8])


def test_a_chord_may_go_on_in_the_next_line() -> None:
    assert spelling(document("C2 [CE\nG]2|")) == "C4 C4 E4 G4"


def test_beams_join_what_stands_together() -> None:
    root = document("C/D/ E/ F/G//A// B/`c/|(3c/d/e/ d/ z/ cc/|")
    beams = ["/".join(beam.text or "" for beam in note.iter("beam")) for note in notes(root)]
    assert beams == [
        "begin", "end", "", "begin", "continue/begin", "end/end", "begin", "end",
        "begin", "continue", "end", "", "", "", "",
    ]  # fmt: skip
    hooks = ["/".join(beam.text or "" for beam in note.iter("beam")) for note in notes(document("C3/4D/4 E/4F3/4 z2|"))]
    assert hooks == ["begin", "end/backward hook", "begin/forward hook", "end", ""]


@pytest.mark.parametrize(
    ("music", "values_", "slash"), [("{c}D4", ["eighth"], None), ("{/cde}D4", ["16th"] * 3, "yes")]
)
def test_grace_notes_take_no_time(music: str, values_: list[str], slash: str | None) -> None:
    graces = [note for note in notes(document(music)) if note.find("grace") is not None]
    assert [note.findtext("type") for note in graces] == values_
    assert all(note.find("duration") is None for note in graces)
    assert {grace.get("slash") for note in graces for grace in note.iter("grace")} == {slash}


def test_rests_are_shown_hidden_or_as_long_as_the_bar() -> None:
    rests = notes(document("z x2 z|Z2|X|C3 Z|"))
    assert [note.get("print-object") for note in rests] == [None, "no", None, None, None, "no", None, None]
    assert [rest.get("measure") for note in rests for rest in note.iter("rest")] == [None] * 3 + ["yes"] * 3 + [None]


@pytest.mark.parametrize(
    ("music", "path"),
    [
        (".C", "articulations/staccato"),
        ("~C", "ornaments/turn"),
        ("TC", "ornaments/trill-mark"),
        ("MC", "ornaments/mordent"),
        ("PC", "ornaments/inverted-mordent"),
        ("uC", "technical/up-bow"),
        ("vC", "technical/down-bow"),
        ("HC", "fermata"),
        ("LC", "articulations/accent"),
        ("!tenuto!C", "articulations/tenuto"),
        ("!>!C", "articulations/accent"),
        ("!breath!C", "articulations/breath-mark"),
        ("+trill+C", "ornaments/trill-mark"),
        ("!arpeggio![CE]", "arpeggiate"),
        ("!3!C", "technical/fingering"),
        ("!sweetly!C", "other-notation"),
        ("{c}.[CE]", "articulations/staccato"),
        ("\nU: n = !turn!\nnC", "ornaments/turn"),
    ],
)
def test_decorations_stand_at_their_note(music: str, path: str) -> None:
    decorated = [note for note in notes(document(f"{music} D|")) if note.find("notations") is not None]
    [note] = decorated
    assert note.find(f"notations/{path}") is not None
    assert spelled(note) == "C4"


@pytest.mark.parametrize(
    ("sign", "path", "sound"),
    [
        ("!p!", "dynamics/p", {}),
        ("!sfz!", "dynamics/sfz", {}),
        ("!<(!", "wedge", {}),
        ("!diminuendo)!", "wedge", {}),
        ("S", "segno", {"segno": "segno"}),
        ("!Coda!", "coda", {"coda": "coda"}),
        ('"^Segno"', "words", {"segno": "segno"}),
        ("!fine!", "words", {"fine": "yes"}),
        ("!D.C.!", "words", {"dacapo": "yes"}),
        ("!D.S.alcoda!", "words", {"dalsegno": "segno"}),
        ('"^D.C. al Fine"', "words", {"dacapo": "yes"}),
        ('"_dal segno"', "words", {"dalsegno": "segno"}),
        ('"Fine"', "words", {"fine": "yes"}),
        ('"^slowly"', "words", {}),
        ("[P:B]", "rehearsal", {}),
        ("[Q:1/4=60]", "metronome/per-minute", {"tempo": "60"}),
    ],
)
def test_signs_stand_where_they_are_written(sign: str, path: str, sound: dict[str, str]) -> None:
    root = document(f"C D {sign}E F|")
    measure = root.find(".//measure")
    assert measure is not None
    tags = [child.tag for child in measure if child.tag in ("note", "direction")]
    assert tags == ["note", "note", "direction", "note", "note"]
    assert root.find(f".//direction/direction-type/{path}") is not None
    assert [dict(element.items()) for element in root.iter("sound")] == ([sound] if sound else [])


def test_text_has_its_place() -> None:
    root = document('"^above"C "_below"D "@1,2free"E "<left"F|')
    assert attributes(root, "direction", "placement") == [("above",), ("below",), ("above",), ("above",)]
    assert found(root, "words") == ["above", "below", "free", "left"]


def test_chord_symbols_are_harmony_and_no_words() -> None:
    root = document('"Am7/G"C "F#dim"D "Bb"E "N.C."F|"D7b9"C "Alto"D|')
    assert found(root, "root-step") == ["A", "F", "B", "C", "D"]
    assert found(root, "root-alter") == ["1", "-1"]
    assert found(root, "kind") == ["minor-seventh", "diminished", "major", "none", "dominant"]
    assert found(root, "bass-step") == ["G"]
    assert [degree.findtext("degree-value") for degree in root.iter("degree")] == ["9"]
    assert found(root, "words") == ["Alto"]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("1/4=120", ([], ["quarter"], ["120"], "120")),
        ('"Allegro" 3/8=60', (["Allegro"], ["quarter"], ["60"], "90")),
        ("120", ([], ["eighth"], ["120"], "60")),
        ('"Slow"', (["Slow"], [], [], None)),
        ("1/4 1/8=50", ([], ["quarter"], ["50"], "75")),
    ],
)
def test_tempo(field: str, expected: tuple[list[str], list[str], list[str], str | None]) -> None:
    root = document("CDEF|", f"X:1\nM:4/4\nL:1/8\nQ:{field}\nK:C\n")
    [sound] = [element.get("tempo") for element in root.iter("sound")] or [None]
    assert (found(root, "words"), found(root, "beat-unit"), found(root, "per-minute"), sound) == expected


def sung(root: Element, verse: int = 1) -> list[str]:
    """Syllables of a verse, by note: - after one that its word goes on from, _ after one that is held."""
    syllables = []
    for note in notes(root):
        lyric = note.find(f"lyric[@number='{verse}']")
        if lyric is None:
            syllables.append("")
            continue
        goes_on = lyric.findtext("syllabic") in ("begin", "middle")
        held = lyric.find("extend") is not None
        syllables.append(lyric.findtext("text", "") + "-" * goes_on + "_" * held)
    return syllables


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Praise the Lord now sing", "Praise the Lord now sing"),
        ("Hal-le-lu-jah a-men", "Hal- le- lu- jah a- men"),
        ("A--men, sing_ now", "A- . men, sing_ . now"),
        ("A -men, sing", "A- . men, sing"),
        ("two~words well\\-known * on", "two·words well-known . on"),
        ("One | four five", "One . . . four five"),
        ("One two three four | five", "One two three four five"),
        ("One | | nine", "One . . . . . . . nine"),
        ("a b c d e f g h i j k", "a b c d e f g h i"),
    ],
)
def test_words_stand_below_their_notes(words: str, expected: str) -> None:
    root = document(f"CDEF|G{{a}}ABc|d2z2|\nw: {words}")
    lines = [syllable for syllable, note in zip(sung(root), notes(root), strict=True) if note.find("grace") is None]
    shown = " ".join(syllable.replace(" ", "·") or "." for syllable in lines).rstrip(" .")
    assert shown == expected


def test_a_word_may_go_on_in_the_next_line() -> None:
    assert sung(document("CD|\nw: Hal-le-\nw: A a-\nEF|\nw: lu-jah\nw: men B")) == ["Hal-", "le-", "lu-", "jah"]
    root = document("CD|\nw: A a-\nEF|\nw: men B")
    assert found(root, "syllabic") == ["single", "begin", "end", "single"]


def test_all_verses_are_kept() -> None:
    root = document("CDEF|\nw: a b c d\nw: e f g h\nGABc|\nw: i j\n+: k l\nW: After all")
    assert sung(root, 1) == ["a", "b", "c", "d", "i", "j", "k", "l"]
    assert sung(root, 2) == ["e", "f", "g", "h"] + [""] * 4


@pytest.mark.parametrize(
    ("line", "style", "repeat"),
    [
        ("|", None, None),
        ("||", "light-light", None),
        ("|]", "light-heavy", None),
        ("[|", "heavy-light", None),
        (".|", "dotted", None),
        (":|", "light-heavy", "backward"),
        (":|]", "light-heavy", "backward"),
    ],
)
def test_bar_lines_keep_their_style(line: str, style: str | None, repeat: str | None) -> None:
    measure = document(f"C D E F{line}C4|").find(".//measure")
    assert measure is not None
    assert measure.findtext("barline[@location='right']/bar-style") == style
    repeats = [found.get("direction") for found in measure.iter("repeat")]
    assert repeats == ([repeat] if repeat else [])


@pytest.mark.parametrize("line", ["::", ":|:", ":||:", ":|\n|:", ":| |:", ":|]|:"])
def test_a_repeat_ends_where_the_next_begins(line: str) -> None:
    root = document(f"|:C D E F{line}C4:|")
    assert attributes(root, "repeat", "direction") == [("forward",), ("backward",), ("forward",), ("backward",)]
    assert len(numbers(root)) == 2


def test_a_passage_may_be_played_more_often() -> None:
    assert attributes(document("|::C4::|"), "repeat", "direction", "times") == [("forward", None), ("backward", "3")]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("|:C4|1 D4:|2 E4|]", [("1", "start"), ("1", "stop"), ("2", "start"), ("2", "stop")]),
        ("|:C4|[1 D4|E4:|[2 F4|G4||A4|]", [("1", "start"), ("1", "stop"), ("2", "start"), ("2", "stop")]),
        ("|:C4 [1,3 D4:|[2 E4:|", [("1, 3", "start"), ("1, 3", "stop"), ("2", "start"), ("2", "stop")]),
        ("|:C4|[1-3 D4:|4 E4|F4|", [("1, 2, 3", "start"), ("1, 2, 3", "stop"), ("4", "start"), ("4", "discontinue")]),
        ("|:C4|1\n|1 D4:|2 E4|]", [("1", "start"), ("1", "stop"), ("2", "start"), ("2", "stop")]),
        ('|:C4|1 D4:|["last" E4|]', [("1", "start"), ("1", "stop"), ("2", "start"), ("2", "stop")]),
    ],
)
def test_endings(music: str, expected: list[tuple[str, str]]) -> None:
    root = document(music)
    assert attributes(root, "ending", "number", "type") == expected
    for measure in root.iter("measure"):
        for line in measure.iter("barline"):
            kinds = {"left": {"start"}, "right": {"stop", "discontinue"}}[str(line.get("location"))]
            assert {ending.get("type") for ending in line.iter("ending")} <= kinds


def test_a_voice_laid_over_another_is_its_second() -> None:
    root = document("C D E F & c2 (3def|G4|", HEAD)
    assert [note.findtext("voice") for note in notes(root)] == ["1"] * 4 + ["2"] * 4 + ["1"]
    assert len(notes(document("C D E F & c2|G & g4|"))) == 7  # shorter ones, too
    assert spelling(document("C2 [K:clef=treble-8]c2 & c4|c4|")) == "C4 C4 C5 C4"  # each from the bar's first clef
    [backup] = found(root, "backup/duration")
    assert int(backup) == 4 * int(root.findtext(".//divisions", "0"))


def test_voices_are_parts_with_names() -> None:
    head = 'X:1\nM:4/4\nL:1/4\nV:1 name="Sopran\\nI" snm="S."\nV:2 nm=Alt\nV:3\nK:C\n'
    root = abc_document(f"{head}[V:1]CDEF|G4|\n[V:2]C4|\n[V:1]c4|\n")
    assert found(root, "part-name") == ["Sopran I", "Alt"]
    assert found(root, "part-abbreviation") == ["S."]
    first, second = root.iterfind("part")
    assert [[measure.get("number") for measure in part] for part in (first, second)] == [["1", "2", "3"]] * 2
    assert [rest.get("measure") for rest in second.iter("rest")] == ["yes", "yes"]


def test_voices_may_be_named_after_the_head() -> None:
    root = abc_document("X:1\nM:4/4\nL:1/4\nQ:1/4=60\nK:C\nV:S\nV:B bass\n[V:S]c4|\n[V:B]C4|\n")
    assert found(root, "part-name") == ["S", "B"]
    assert found(root, "sign") == ["G", "F"]
    assert found(root, "per-minute") == ["60"]


@pytest.mark.parametrize(
    ("clef", "written", "octave", "transposed"),
    [
        ("treble-8", "C4", "-1", None),
        ("treble+8", "C6", "1", None),
        ("bass middle=d transpose=-24", "C3", None, None),
        ("bass", "C5", None, None),
        ("treble octave=-1", "C4", None, None),
        ("treble transpose=-2", "C5", None, ("-1", "-2", None)),
        ("treble transpose=-14", "C5", None, ("-1", "-2", "-1")),
        ("bass middle=d", "C3", None, ("0", "0", "2")),
    ],
)
def test_clefs_and_transposition(
    clef: str, written: str, octave: str | None, transposed: tuple[str | None, ...] | None
) -> None:
    root = document("c4|", f"X:1\nM:4/4\nL:1/4\nV:1 clef={clef}\nK:C\n")
    assert spelling(root) == written
    assert root.findtext(".//clef/clef-octave-change") == octave
    [found_] = [tuple(transpose.findtext(tag) for tag in ("diatonic", "chromatic", "octave-change"))
                for transpose in root.iter("transpose")] or [None]  # fmt: skip
    assert found_ == transposed


def test_percussion_has_no_pitch() -> None:
    root = abc_document("X:1\nM:4/4\nL:1/4\nV:1 clef=perc\nV:2\nK:C\nV:1\nCCzC|\nV:2\nGGGG|\n")
    first, second = read_tree(root).parts, root.findall("part")
    assert len([part for part in first if part.sounds]) == 1
    assert len(second) == 2
    assert len(list(root.iter("unpitched"))) == 3


def test_titles_composer_and_order_of_parts() -> None:
    root = document("CDEF|", 'X:1\nT:F\\"ur Elise\nT:Bagatelle\nC:L. van Beethoven\nP:AABB\nM:4/4\nL:1/4\nK:C\n')
    assert found(root, "work-title") == ["Für Elise"]
    assert found(root, "credit-words") == ["Bagatelle"]
    assert [(creator.get("type"), creator.text) for creator in root.iter("creator")] == [
        ("composer", "L. van Beethoven")
    ]
    assert found(root, "miscellaneous-field") == ["AABB"]


CASES: dict[str, tuple[str, Callable[[Element], Any], Any]] = {
    "a first ending lacks the pickup": (
        "M:6/8\nL:1/8\nK:Ador\n|:E|A2B c2d|e2d B2G|A2B c2A|1 B2A G2:|2 B2A A2e||\ne2g a2g|e2d B2d|e2d c2B|A3 A2|]",
        numbers,
        list("0123456789"),
    ),
    "dorian ends at home": ("M:4/4\nL:1/4\nK:Ddor\nD|A2 AG|F E D D|D3|]", lambda root: found(root, "mode"), ["dorian"]),
    "mixolydian": ("M:4/4\nL:1/4\nK:Dmix\ne =c B A|F4|]", spelling, "E5 (natural)C5 B4 A4 F#4"),
    "triplets": ("M:4/4\nL:1/8\nK:D\na2f (3gfe|", values, "quarter eighth eighth eighth eighth"),
    "an octave clef in a field K:": (
        "M:3/4\nL:1/8\nK:D\nV:1 treble\nV:1\n[K:clef=treble-8]\nd2 e2 f2|d6|]", spelling, "D4 E4 F#4 D4"),
    "a clef without its word": (
        "M:4/4\nL:1/4\nK:G\nV:1 treble-8\nV:2 bass\n[V:1]d g a b|\n[V:2]G,,2 D,2|", spelling, "D4 G4 A4 B4 G2 D3"),
    "a note in the middle": (
        "M:4/4\nL:1/4\nV:T clef=treble-8\nV:B clef=bass middle=d transpose=-24\nK:G\n[V:T]d4|\n[V:B]g2 d'2|",
        spelling, "D4 G3 D4"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_was_once_misread(case: str) -> None:
    music, reading, expected = CASES[case]
    assert reading(document("", f"X:1\nT:Air\n{music}")) == expected


BOOK = """%abc-2.1
Airs of mine. G: no field
M:4/4
L:1/8
R:reel

X:1
T:First
T:or Another
K:D
d2fd|

Text between the tunes.

X: 2
T: F\\^ete
M:3/4
L:1/4
K:G
D|GAB|

X:3
K:C
C
"""


def test_a_tune_book_is_split_into_tunes() -> None:
    tunes = abc_tunes(BOOK)
    assert [(tune.number, tune.title) for tune in tunes] == [("1", "First"), ("2", "Fête"), ("3", "")]
    assert [values(abc_document(tune.text)) for tune in tunes] == [
        "quarter eighth eighth", "quarter quarter quarter quarter", "eighth"
    ]  # fmt: skip
    assert found(abc_document(tunes[0].text), "beats") == ["4"]  # of the file's header
    assert abc_tunes("No tune") == []
    assert len(notes(document("CDEF|\nX:2\nK:D\nGABc|"))) == 4  # of a text, the first tune


@pytest.mark.parametrize(
    ("music", "said"),
    [
        ("C,,,,,,,,,,,,", "a note of it is in octave -8"),
        ("C/7C/11C/13C/17C/19C/23C/29|", "it divides quarters in too many ways"),
        ("[M:1/99]Z9999|", "it has more than 1000 notes and measures"),
        ("C" + "&C" * 20, "it has more than 16 voices laid over one"),
    ],
)
def test_what_has_no_bounds_is_refused(music: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bachlit.scores.reading.abc.voice.MAX_SIGNS", 1000)  # more take seconds
    with pytest.raises(ValueError, match=re.escape(said)):
        abc_document(f"{HEAD}{music}\n")


def test_a_header_for_a_million_tunes_is_refused() -> None:
    with pytest.raises(ValueError, match="share a header of"):
        abc_tunes("R:" + "x" * 100_000 + "\n" + "X:1\n" * 1000)
