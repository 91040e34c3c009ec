"""The MusicXML we write, read back by music21 and, for what is printed, by eye."""

from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from chorales import KEYS, METRES, chorales, melody, random_chorale
from hypothesis import given, settings
from music21 import clef, converter, expressions, key, layout, meter

from bachlit.music.chorale import REST, VOICES, Chorale
from bachlit.music.keys import Key
from bachlit.music.notes import notes_of
from bachlit.scores.writing.durations import VALUES
from bachlit.scores.writing.musicxml import to_musicxml

TITLE = "Wachet auf, „ruft“ & <uns>"


@cache
def piece(metre: tuple[int, int] = (4, 4), pickup: int = 4, fifths: int = -3) -> Chorale:
    return random_chorale(7, num_frames=pickup + 60, metre=metre, pickup=pickup, key=Key(fifths, "minor"), title=TITLE)


def read(chorale: Chorale) -> Any:
    return converter.parseData(to_musicxml(chorale), format="musicxml")


def sixteenths(quarters: Any) -> int:
    assert (4 * quarters) % 1 == 0
    return int(4 * quarters)


def accidentals(text: str) -> list[str | None]:
    return [
        note.findtext("accidental")
        for note in ElementTree.fromstring(text).iter("note")
        if note.find("pitch") is not None
    ]


@settings(max_examples=30, deadline=None)
@given(chorales())
def test_music21_reads_the_notes_that_were_written(chorale: Chorale) -> None:
    score = read(chorale)
    assert len(score.parts) == 4
    for part, voice in zip(score.parts, VOICES, strict=True):
        heard = [
            (note.pitch.midi, sixteenths(note.offset), sixteenths(note.quarterLength))
            for note in part.stripTies().flatten().notes
        ]
        assert heard == [(n.pitch, n.start, n.length) for n in notes_of(chorale, voice) if n.pitch != REST]


@settings(max_examples=30, deadline=None)
@given(chorales())
def test_music21_reads_the_fermatas_at_the_end_of_their_notes(chorale: Chorale) -> None:
    for part, voice in zip(read(chorale).parts, VOICES, strict=True):
        ends = [
            sixteenths(note.offset + note.quarterLength)
            for note in part.flatten().notes
            for expression in note.expressions
            if isinstance(expression, expressions.Fermata)
        ]
        assert ends == [n.start + n.length for n in notes_of(chorale, voice) if n.fermata]


@pytest.mark.parametrize("metre", METRES, ids=str)
def test_music21_reads_metre_key_and_pickup(metre: tuple[int, int]) -> None:
    full = 16 * metre[0] // metre[1]
    for pickup, fifths in ((0, 4), (full // 3, -5)):
        part = read(piece(metre, pickup, fifths)).parts[0]
        assert part.recurse().getElementsByClass(meter.TimeSignature)[0].ratioString == f"{metre[0]}/{metre[1]}"
        signature = part.recurse().getElementsByClass(key.Key)[0]
        assert (signature.sharps, signature.mode) == (fifths, "minor")
        first = part.getElementsByClass("Measure")[0]
        assert sixteenths(first.paddingLeft) == (full - pickup if pickup else 0)
        assert first.number == (0 if pickup else 1)


def test_music21_reads_four_named_parts_in_a_bracket_with_their_clefs() -> None:
    score = read(piece())
    assert score.metadata.title == TITLE
    assert [part.partName for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert [part.partAbbreviation for part in score.parts] == ["S.", "A.", "T.", "B."]
    clefs = [part.recurse().getElementsByClass(clef.Clef)[0] for part in score.parts]
    assert [type(one) for one in clefs] == [clef.TrebleClef, clef.TrebleClef, clef.Treble8vbClef, clef.BassClef]
    (group,) = score.getElementsByClass(layout.StaffGroup)
    assert (group.symbol, len(group)) == ("bracket", 4)


def test_one_voice_is_one_part_without_a_bracket() -> None:
    root = ElementTree.fromstring(to_musicxml(piece(), voices=("tenor",)))
    assert [name.text for name in root.iter("part-name")] == ["Tenor"]
    assert len(root.findall("part")) == 1
    assert root.find(".//part-group") is None


def test_a_score_without_a_title_has_no_empty_one() -> None:
    assert "<work" not in to_musicxml(melody((60, 16)))


def test_characters_that_xml_forbids_are_left_out_of_the_title() -> None:
    untidy = Chorale(
        pitches=piece().pitches,
        onsets=piece().onsets,
        fermatas=piece().fermatas,
        title="Ach\x00 Gott\x0b,\ud800\n<&> 𝄞",
    )
    text = to_musicxml(untidy)
    assert ElementTree.fromstring(text.encode()).findtext("work/work-title") == "Ach Gott, <&> 𝄞"


def test_the_same_chorale_gives_the_same_text() -> None:
    again = Chorale(**{name: getattr(piece(), name) for name in piece().__dataclass_fields__})
    assert to_musicxml(again) == to_musicxml(piece())


def written_notes(part: ElementTree.Element) -> Iterator[tuple[int, ElementTree.Element]]:
    for number, measure in enumerate(part.iter("measure")):
        for note in measure.iter("note"):
            yield number, note


@given(chorales())
def test_the_printed_accidentals_alone_tell_every_pitch(chorale: Chorale) -> None:
    signs = {None: None, "flat-flat": -2, "flat": -1, "natural": 0, "sharp": 1, "double-sharp": 2}
    order = "FCGDAEB" if chorale.key.fifths > 0 else "BEADGCF"
    signature = dict.fromkeys(order[: abs(chorale.key.fifths)], int(np.sign(chorale.key.fifths)))
    for part in ElementTree.fromstring(to_musicxml(chorale)).iter("part"):
        in_force: dict[tuple[int, str, str], int] = {}
        tied = 0
        for number, note in written_notes(part):
            if note.find("pitch") is None:
                continue
            step, octave = note.findtext("pitch/step", ""), note.findtext("pitch/octave", "")
            sign = signs[note.findtext("accidental")]
            if note.find("tie[@type='stop']") is not None:
                assert sign is None
                printed = tied
            else:
                printed = in_force.get((number, step, octave), signature.get(step, 0)) if sign is None else sign
            if sign is not None:
                in_force[number, step, octave] = sign
            assert printed == int(note.findtext("pitch/alter", "0"))
            tied = printed


def test_an_accidental_is_printed_once_a_measure_and_cancelled_by_a_natural() -> None:
    text = to_musicxml(melody((66, 4), (67, 4), (66, 4), (65, 4), (65, 4), (66, 4), (78, 8)))
    assert accidentals(text)[:7] == ["sharp", None, None, "natural", None, "sharp", "sharp"]


def test_after_an_altered_note_tied_over_the_bar_line_the_next_accidental_is_printed() -> None:
    again = to_musicxml(melody((67, 12), (66, 8), (66, 4), (65, 8)))
    assert accidentals(again) == [None, "sharp", None, "sharp", "natural"]
    natural = to_musicxml(melody((67, 12), (66, 8), (65, 12)))
    assert accidentals(natural) == [None, "sharp", None, "natural"]


@given(chorales())
def test_durations_types_and_dots_agree_and_fill_the_measures(chorale: Chorale) -> None:
    root = ElementTree.fromstring(to_musicxml(chorale))
    lengths = []
    for part in root.iter("part"):
        for note in part.iter("note"):
            duration = int(note.findtext("duration", ""))
            if note.find("rest[@measure='yes']") is not None:
                assert duration == chorale.measure_length
                continue
            assert VALUES[duration] == (note.findtext("type"), len(note.findall("dot")))
        lengths.append([sum(int(d.text or "") for d in m.iter("duration")) for m in part.iter("measure")])
    assert all(one == lengths[0] for one in lengths)
    assert sum(lengths[0]) == chorale.num_frames
    inner = lengths[0][1 if chorale.pickup else 0 : -1]
    assert set(inner) <= {chorale.measure_length}


def test_the_children_of_a_note_stand_in_the_order_of_the_schema() -> None:
    order = ["pitch", "rest", "duration", "tie", "voice", "type", "dot", "accidental", "beam", "notations"]
    for seed, one_key in enumerate(KEYS):
        root = ElementTree.fromstring(to_musicxml(random_chorale(seed, num_frames=64, key=one_key)))
        for note in root.iter("note"):
            places = [order.index(child.tag) for child in note]
            assert places == sorted(places)


def test_beams_are_written_for_the_first_and_the_second_level() -> None:
    root = ElementTree.fromstring(to_musicxml(melody((60, 3), (62, 1), (64, 12)), voices=("soprano",)))
    marks = [[(beam.get("number"), beam.text) for beam in note.iter("beam")] for note in root.iter("note")]
    assert marks == [[("1", "begin")], [("1", "end"), ("2", "backward hook")], []]


def test_the_last_measure_ends_with_a_final_bar_line() -> None:
    for part in ElementTree.fromstring(to_musicxml(piece())).iter("part"):
        styles = [measure.findtext("barline/bar-style") for measure in part.iter("measure")]
        assert styles == [None] * (len(styles) - 1) + ["light-heavy"]
