"""Words of a tune under the other voices."""

from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from fractions import Fraction
from itertools import zip_longest
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement

from bachlit.scores.writing.placing import placed_measures

_Time = tuple[int, Fraction]  # measure, and quarters in it


class _Syllable(NamedTuple):
    """Syllable of the tune in all verses, its time, and whether it begins a phrase."""

    lyrics: list[Element]
    time: _Time
    begins: bool


def words_below(root: Element, tune: str, parts: Collection[str] | None = None) -> None:
    """Write a tune's words under the voices that sing in its rhythm, in place.

    A voice gets a phrase's words (of all verses) if one of its notes begins with every syllable; notes until the next
    syllable go on with it. A voice that would miss one gets none of that phrase, since its words would make no sense.
    Phrases end at fermatas and before rests of the tune, or, where it has neither, at punctuation.

    Args:
        root: A score-partwise document.
        tune: Id of the part with the words.
        parts: Ids of the parts that get them, else all other parts. Parts with words, several voices or several staves
            stay as they are.
    """
    parts_by_id = {part.get("id", ""): part for part in root.iterfind("part")}
    phrases = _phrases(_syllables(parts_by_id[tune]))
    if phrases:
        phrases[-1] = phrases[-1][0], _end_of_words(parts_by_id[tune], phrases[-1][0][-1])
    for name, part in parts_by_id.items():
        if name != tune and (parts is None or name in parts) and _takes_words(part):
            notes = dict(_attacks(part))
            times = sorted(notes)
            for phrase, end in phrases:
                _write_phrase(phrase, end, notes, times)


def _syllables(part: Element) -> list[_Syllable]:
    """Syllables of a tune, in order."""
    syllables: list[_Syllable] = []
    fermatas, rests, punctuation = set[int](), set[int](), set[int]()  # numbers of the syllables after them
    for index, measure in enumerate(placed_measures(part)):
        for child in measure.children:
            if child.element.tag != "note":
                continue
            if lyrics := [lyric for lyric in child.element.iterfind("lyric") if lyric.find("text") is not None]:
                syllables.append(_Syllable(lyrics, (index, child.onset), begins=False))
                texts = (lyric.findall("text")[-1].text or "" for lyric in lyrics)
                if any(text.strip().endswith((",", ".", ";", ":", "!", "?")) for text in texts):
                    punctuation.add(len(syllables))
            if child.element.find("notations/fermata") is not None:
                fermatas.add(len(syllables))
            if child.element.find("rest") is not None:
                rests.add(len(syllables))
    ends = (fermatas | rests) - {0, len(syllables)} or punctuation
    return [syllable._replace(begins=number in ends) for number, syllable in enumerate(syllables)]


def _phrases(syllables: Sequence[_Syllable]) -> list[tuple[list[_Syllable], _Time | None]]:
    """Divide syllables into phrases, each with the time of the next one's beginning."""
    phrases: list[list[_Syllable]] = []
    for syllable in syllables:
        if syllable.begins or not phrases:
            phrases.append([])
        phrases[-1].append(syllable)
    ends = [phrase[0].time for phrase in phrases[1:]]
    return [*zip_longest(phrases, ends)]


def _takes_words(part: Element) -> bool:
    """Whether a part is one voice on one staff, without words."""
    voices = {(voice.text or "").strip() for voice in part.iterfind("measure/note/voice")}
    staves = {(staff.text or "").strip() for staff in part.iterfind("measure/note/staff")}
    return len(voices) <= 1 and len(staves) <= 1 and part.find("measure/note/lyric") is None


def _end_of_words(part: Element, last: _Syllable) -> _Time | None:
    """Time of the tune's first note after its words; None if the last syllable goes on to the end."""
    if any(lyric.find("extend") is not None for lyric in last.lyrics):
        return None
    return next((time for time, _ in _attacks(part) if time > last.time), None)


def _attacks(part: Element) -> Iterator[tuple[_Time, Element]]:
    """Yield the notes that are sung anew, with their times."""
    for index, measure in enumerate(placed_measures(part)):
        for child in measure.children:
            note = child.element
            if (
                note.tag == "note"
                and not any(note.find(tag) is not None for tag in ("rest", "grace", "cue", "chord"))
                and not any(tie.get("type") == "stop" for tie in note.iterfind("tie"))
            ):
                yield (index, child.onset), note


def _write_phrase(
    phrase: Sequence[_Syllable], end: _Time | None, notes: dict[_Time, Element], times: Sequence[_Time]
) -> None:
    """Write a phrase's syllables under a voice's notes, if all of them fit."""
    if not all(syllable.time in notes for syllable in phrase):
        return
    ends = [*(syllable.time for syllable in phrase[1:]), end]
    for syllable, until in zip(phrase, ends, strict=True):
        note = notes[syllable.time]
        after = bisect_right(times, syllable.time)
        goes_on = after < len(times) and (until is None or times[after] < until)
        place = next((at for at, child in enumerate(note) if child.tag in ("play", "listen")), len(note))
        for lyric in reversed(syllable.lyrics):
            note.insert(place, _copy(lyric, goes_on=goes_on))


def _copy(lyric: Element, *, goes_on: bool) -> Element:
    """Copy a syllable; with a line where a word's last syllable has several notes."""
    copy = deepcopy(lyric)
    for extend in copy.findall("extend"):
        copy.remove(extend)
    for name in [name for name in copy.attrib if name.startswith(("default-", "relative-"))]:
        del copy.attrib[name]
    if goes_on and copy.findtext("syllabic", "single") in ("single", "end"):
        place = next(
            (at for at, child in enumerate(copy) if child.tag.startswith(("end-", "foot", "level"))), len(copy)
        )
        copy.insert(place, SubElement(Element("lyric"), "extend"))
    return copy
