"""Compare scores as documents, and as music21 hears them. Import it as `comparing`."""

import dataclasses
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from bachlit.music.chorale import VOICES, Chorale
from bachlit.scores import ScoreWarning, read_voices
from bachlit.scores.source import GivenPart, ScoreSource

_TEXTS = {"TimeSignature", "KeySignature", "TextExpression", "TempoIndication", "RepeatExpression", "Dynamic"}


def read(path: Path, **options: Any) -> Chorale:
    """Voices of a score, whatever it warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScoreWarning)
        return read_voices(path, **options)


def stubbed(chorale: Chorale) -> Chorale:
    """A chorale whose missing voices are added, as a model would: the tune some steps lower."""
    pitches, onsets = chorale.pitches.copy(), chorale.onsets.copy()
    lead = pitches[:, pitches.any(axis=0).argmax()]
    for column in np.flatnonzero(~pitches.any(axis=0)):
        pitches[:, column] = np.where(lead > 0, np.maximum(lead - 5 * column, 1), 0)
        onsets[:, column] = np.r_[True, np.diff(pitches[:, column]) != 0]
    return dataclasses.replace(chorale, pitches=pitches, onsets=onsets)


def source_of(chorale: Chorale) -> ScoreSource:
    """Source of a chorale."""
    assert isinstance(chorale.source, ScoreSource)
    return chorale.source


def given_in(chorale: Chorale) -> GivenPart:
    """The highest given part."""
    voices = source_of(chorale).voices
    return next(voices[voice] for voice in VOICES if voice in voices)


def canonical(element: Element) -> str:
    """An element as text, whatever its layout."""
    return ElementTree.canonicalize(ElementTree.tostring(element, encoding="unicode"), strip_text=True)


def lengths_of(part: Element) -> list[Fraction]:
    """Length of each measure of a part in quarters."""
    divisions = Fraction(part.findtext("measure/attributes/divisions", "1"))
    lengths = []
    for measure in part.iterfind("measure"):
        now = end = Fraction(0)
        for element in measure:
            if element.tag == "attributes":
                divisions = Fraction(element.findtext("divisions", str(divisions)))
            duration = Fraction(element.findtext("duration", "0")) / divisions
            if element.tag == "backup":
                now -= duration
            elif element.tag in ("note", "forward") and element.find("chord") is None:
                now += duration
            end = max(end, now)
        lengths.append(end)
    return lengths


def bar_lines(part: Element) -> list[list[str]]:
    """Bar lines of each measure, with their repeats and endings."""
    return [[canonical(line) for line in measure.iterfind("barline")] for measure in part.iterfind("measure")]


def numbers_of(part: Element) -> list[tuple[str | None, str | None]]:
    """Number of each measure, and whether it is implicit."""
    return [(measure.get("number"), measure.get("implicit")) for measure in part.iterfind("measure")]


def check_ids(output: Element) -> None:
    """Check that parts and instruments have ids of their own, and all parts are listed in order."""
    identities = [part.get("id") for part in output.iterfind("part")]
    assert len(set(identities)) == len(identities)
    assert [entry.get("id") for entry in output.iterfind("part-list/score-part")] == identities
    instruments = [entry.get("id") for entry in output.iterfind("part-list/score-part/score-instrument")]
    assert len(set(instruments)) == len(instruments)


def check_added(output: Element, given: Element) -> None:
    """Check that the parts beside a given one are in step with it, and that ids are unique."""
    check_ids(output)
    for part in output.iterfind("part"):
        assert numbers_of(part) == numbers_of(given)
        assert bar_lines(part) == bar_lines(given)
        assert lengths_of(part) == lengths_of(given)


def heard(text: str, place: int) -> list[list[str]]:
    """Measures of a part as music21 reads it: notes, words, chord symbols, signatures and repeats, in a fixed order."""
    from music21 import converter  # noqa: PLC0415  # takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = converter.parseData(text, format="musicxml").parts[place]
        return [sorted(map(str, _heard(measure))) for measure in part.getElementsByClass("Measure")]


def _heard(measure: Any) -> Iterator[tuple[Any, ...]]:
    endings = [bracket.number for bracket in measure.getSpannerSites("RepeatBracket")]
    yield measure.number, str(measure.leftBarline), str(measure.rightBarline), endings
    for element in measure.recurse():
        start = str(element.getOffsetInHierarchy(measure))
        if "GeneralNote" in element.classSet:
            yield (
                start,
                str(element.duration.quarterLength),
                element.duration.isGrace,
                str(element),
                [pitch.nameWithOctave for pitch in getattr(element, "pitches", ())],
                element.tie and element.tie.type,
                [(lyric.number, lyric.text, lyric.syllabic) for lyric in element.lyrics],
                [str(mark) for mark in (*element.articulations, *element.expressions)],
            )
        elif element.classSet & _TEXTS:
            yield start, str(element)
