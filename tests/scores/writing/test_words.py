"""Words under the voices that sing with the tune."""

from xml.etree.ElementTree import Element, SubElement, fromstring, tostring

import numpy as np

from bachlit.music.chorale import Chorale
from bachlit.scores import to_musicxml
from bachlit.scores.writing.words import words_below


def score(*rhythms: list[int], fermatas: tuple[int, ...] = (), words: str = "Wa- chet auf, ruft") -> Element:
    """Four voices in rhythms of sixteenths; the first has a syllable a note, in two verses."""
    length = sum(rhythms[0])
    onsets = np.zeros((length, 4), bool)
    for column, rhythm in enumerate(rhythms):
        onsets[np.cumsum([0, *rhythm[:-1]]), column] = True
    held = np.isin(np.arange(length), fermatas)
    pitches = np.tile([72, 67, 60, 48], (length, 1))
    root = fromstring(to_musicxml(Chorale(pitches=pitches, onsets=onsets, fermatas=held)))
    notes = [note for note in root.findall("part")[0].iter("note") if note.find("tie[@type='stop']") is None]
    for note, word in zip(notes, words.split(), strict=False):
        for verse in ("1", "2"):
            lyric = SubElement(note, "lyric", number=verse)
            SubElement(lyric, "syllabic").text = "begin" if word.endswith("-") else "single"
            SubElement(lyric, "text").text = f"{word.rstrip('-')}{verse}"
    return root


def sung(root: Element, part: int, verse: str = "1") -> list[str]:
    """Syllables of a part's notes, an underscore with a line, empty where there is none."""
    texts = []
    for note in root.findall("part")[part].iter("note"):
        lyric = note.find(f"lyric[@number='{verse}']")
        text = "" if lyric is None else lyric.findtext("text", "") + "_" * (lyric.find("extend") is not None)
        texts.append(text)
    return texts


def test_voices_in_the_tune_s_rhythm_get_all_verses() -> None:
    root = score([4, 4, 4, 4], [4, 4, 4, 4], [4, 2, 2, 4, 4], [4, 4, 4, 2, 2])
    words_below(root, "P1")
    for verse in ("1", "2"):
        words = [f"{word}{verse}" for word in ("Wa", "chet", "auf,", "ruft")]
        assert sung(root, 1, verse) == words
        assert sung(root, 2, verse) == [words[0], f"{words[1]}_", "", *words[2:]]  # one syllable on two notes
        assert sung(root, 3, verse) == [*words[:3], f"{words[3]}_", ""]


def test_a_voice_that_misses_a_syllable_of_a_phrase_gets_none_of_it() -> None:
    root = score([4, 4, 4, 4], [4, 4, 8], [8, 8], [16])
    words_below(root, "P1")
    assert not any(sung(root, 1) + sung(root, 2) + sung(root, 3))


def test_each_phrase_is_weighed_alone() -> None:
    """It ends at the fermata: in the first the alto sings along, in the second it holds."""
    root = score([8, 8, 4, 4, 4, 4], [8, 8, 16], [8, 8, 8, 8], [32], fermatas=(8, 9, 10, 11, 12, 13, 14, 15),
                 words="A- men ruft uns die Stim-")  # fmt: skip
    words_below(root, "P1", parts=["P2", "P4"])
    assert sung(root, 1) == ["A1", "men1", ""]
    assert not any(sung(root, 2))  # not asked for
    assert not any(sung(root, 3))


def test_a_voice_with_words_or_two_voices_stays_as_it_is() -> None:
    root = score([4, 4, 4, 4], [4, 4, 4, 4], [4, 4, 4, 4], [4, 4, 4, 4])
    _, alto, tenor, _ = root.findall("part")
    SubElement(SubElement(next(alto.iter("note")), "lyric", number="1"), "text").text = "la"
    next(tenor.iter("voice")).text = "2"
    before = tostring(alto), tostring(tenor)
    words_below(root, "P1")
    assert (tostring(alto), tostring(tenor)) == before
    assert sung(root, 3) == ["Wa1", "chet1", "auf,1", "ruft1"]


def test_words_stand_before_what_the_schema_puts_after_them() -> None:
    root = score([4, 4, 4, 4], [4, 4, 4, 4], [4, 4, 4, 4], [4, 4, 4, 4])
    note = next(root.findall("part")[1].iter("note"))
    SubElement(note, "play")
    words_below(root, "P1")
    tags = [child.tag for child in note]
    assert tags[-3:] == ["lyric", "lyric", "play"]
    assert [lyric.get("number") for lyric in note.iter("lyric")] == ["1", "2"]


def test_a_tune_without_words_gives_none() -> None:
    root = score([4, 4, 4, 4], [4, 4, 4, 4], [4, 4, 4, 4], [4, 4, 4, 4])
    for note in root.findall("part")[0].iter("note"):
        for lyric in note.findall("lyric"):
            note.remove(lyric)
    before = tostring(root)
    words_below(root, "P1")
    assert tostring(root) == before


def test_words_that_stop_early_go_on_under_no_voice() -> None:
    root = score([4, 4, 4, 4, 4, 4], [4] * 6, [4] * 6, [4] * 6, words="A- men")
    words_below(root, "P1")
    assert sung(root, 1) == ["A1", "men1", "", "", "", ""]
