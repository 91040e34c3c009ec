"""Harmony under the score: where it is written, and that programs read it."""

from fractions import Fraction
from xml.etree.ElementTree import fromstring, tostring

import pytest
from music21 import converter, harmony

from bachlit.music.chorale import Chorale
from bachlit.scores import to_musicxml
from bachlit.scores.writing.closed import closed
from bachlit.scores.writing.harmony import chord_symbols, roman_numerals
from bachlit.scores.writing.labels import label
from bachlit.scores.writing.placing import number, placed_measures


def test_music21_reads_the_chords_at_their_times(bach: list[Chorale]) -> None:
    """Also those that begin while the bass holds a note, and in a closed score."""
    for chorale in bach[:40:20]:
        symbols = chord_symbols(chorale)
        for tree in (fromstring(to_musicxml(chorale)), closed(fromstring(to_musicxml(chorale)))):
            label(tree.findall("part")[-1], symbols, [measure.start for measure in chorale.measures], "chords")
            score = converter.parseData(tostring(tree, encoding="unicode"), format="musicxml")
            read = score.flatten().getElementsByClass(harmony.ChordSymbol)
            assert [Fraction(chord.offset) * 4 for chord in read] == [frame for frame, _ in symbols]
            for chord, (_, symbol) in zip(read, symbols, strict=True):
                root, bass = (pitch.name.replace("-", "b") for pitch in (chord.root(), chord.bass()))
                assert symbol.startswith(root)
                assert symbol.endswith(f"/{bass}") if "/" in symbol else bass == root


def test_numerals_stand_in_the_lowest_part_in_order(bach: list[Chorale]) -> None:
    chorale = bach[0]
    numerals = roman_numerals(chorale)
    root = fromstring(to_musicxml(chorale))
    starts = [measure.start for measure in chorale.measures]
    label(root.findall("part")[-1], numerals, starts, "roman")
    *upper, bass = root.findall("part")
    assert not any(part.find("measure/harmony") is not None for part in upper)
    read = []
    for start, measure in zip(starts, placed_measures(bass), strict=True):
        for child in measure.children:
            if child.element.tag == "harmony":
                offset = number(child.element.findtext("offset", "0")) / child.divisions
                read.append((start + 4 * (child.onset + offset), child.element.find("kind").get("text")))  # type: ignore[union-attr]
    assert [frame for frame, _ in read] == [frame for frame, _ in numerals]
    plain = str.maketrans("°♯♭", "o#b")
    assert [text.translate(plain) for _, text in read] == [text for _, text in numerals]


def test_what_is_no_chord_is_refused() -> None:
    root = fromstring(to_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 16)))
    with pytest.raises(ValueError, match="no chord 'H7'"):
        label(root.findall("part")[-1], [(0, "H7")], [0], "chords")
