"""What engravers need and programs leave out is added: values of notes, and clefs."""

from xml.etree.ElementTree import Element, fromstring

from handwritten import line, note, score

from bachlit.scores.writing.placing import add_clefs, add_note_types, placed_measures


def completed(*measures: str) -> Element:
    root = fromstring(score(measures))
    add_note_types(root)
    add_clefs(root)
    return root


def test_notes_get_the_values_of_their_durations() -> None:
    root = completed(note("C4", 6) + note("D4", 2) + note("E4", 0.5) + note("F4", 4 / 3) + note("r", 6))
    values = [(one.findtext("type"), len(one.findall("dot"))) for one in root.iter("note")]
    assert values == [("quarter", 1), ("eighth", 0), ("32nd", 0), (None, 0), ("quarter", 1)]  # no single value


def test_written_values_and_whole_rests_stay() -> None:
    rest = '<note><rest measure="yes"/><duration>192</duration></note>'
    root = completed(note("C4", 16).replace("<voice>1</voice>", "<voice>1</voice><type>breve</type>"), rest)
    assert [one.findtext("type") for one in root.iter("note")] == ["breve", None]


def test_a_part_without_a_clef_gets_one_for_its_pitch() -> None:
    for names, sign in (("C4 E4 G4 C5", "G"), ("C3 E2 G2 C3", "F")):
        [clef] = completed(line(names)).iter("clef")
        assert clef.findtext("sign") == sign
    assert not list(completed("<attributes><clef><sign>C</sign></clef></attributes>" + line("C3 E2")).iter("line"))


def test_times_follow_changes_of_divisions() -> None:
    halved = "<attributes><divisions>24</divisions></attributes>"
    [measure] = placed_measures(fromstring(score([line("C4 D4") + halved + line("E4 F4")])).find("part"))  # type: ignore[arg-type]
    assert [child.onset for child in measure.children if child.element.tag == "note"] == [0, 1, 2, 4]
