"""Repeats played out: what a score writes once and has played twice, twice in the chorale."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from bachlit.music.chorale import FRAMES_PER_QUARTER, Chorale
from bachlit.scores import musicxml_root


class Measure(NamedTuple):
    """A measure's place in time, and what stands at its bar lines.

    Attributes:
        start: Its first frame.
        end: The frame after its last.
        opens: A repeated passage begins here.
        closes: It ends here, to be played again.
        ending: The passes on which an ending that begins here is played, such as "1"; empty if none begins.
        ends: An ending ends here.
    """

    start: int
    end: int
    opens: bool = False
    closes: bool = False
    ending: str = ""
    ends: bool = False


def play_repeats(chorale: Chorale, path: Path) -> Chorale:
    """A chorale with the repeats and endings played that its score has written.

    Args:
        chorale: What was read from the score, which stands there once.
        path: The score. Of other formats than MusicXML, repeats aren't read.

    Returns:
        The longer chorale; the same where nothing is repeated.
    """
    root = musicxml_root(path)
    measures = [] if root is None else _measures(root)
    if not any(measure.closes for measure in measures):
        return chorale
    frames = np.concatenate([np.asarray(span, np.int64) for span in order(measures)])
    frames = frames[frames < chorale.num_frames]  # a chorale ends where its notes do
    onsets = chorale.onsets[frames]
    onsets[1:][np.diff(frames) != 1] = True  # what is tied over a repeat's bar line begins anew
    return dataclasses.replace(
        chorale, pitches=chorale.pitches[frames], onsets=onsets, fermatas=chorale.fermatas[frames]
    )


def order(measures: Sequence[Measure]) -> list[range]:
    """The measures' frames in the order in which they are played.

    A passage that is repeated is played twice; on the second pass, its first ending is left out.

    >>> song = [Measure(0, 4), Measure(4, 8, ending="1", closes=True, ends=True), Measure(8, 12, ending="2", ends=True)]
    >>> order(song)
    [range(0, 4), range(4, 8), range(0, 4), range(8, 12)]
    """
    played: list[range] = []
    index = first = 0
    again = False
    while index < len(measures):
        measure = measures[index]
        if again and measure.ending == "1":
            while not measures[index].ends and index + 1 < len(measures):
                index += 1
            index, again = index + 1, False
            first = index
            continue
        if measure.opens and not again:
            first = index
        played.append(range(measure.start, measure.end))
        if measure.closes and not again:
            index, again = first, True
            continue
        if measure.closes:
            again = False
            first = index + 1
        index += 1
    return played


def _measures(root: Element) -> list[Measure]:
    """The measures of a score's first part: bar lines are the same in all."""
    part = root.find("part")
    measures: list[Measure] = []
    divisions, start = Fraction(1), Fraction(0)  # divisions of a quarter, sixteenths
    for written in part if part is not None else ():
        divisions = Fraction(written.findtext("attributes/divisions", str(divisions)))
        end = start + _length(written) * FRAMES_PER_QUARTER / divisions
        repeats = {repeat.get("direction") for repeat in written.iterfind("barline/repeat")}
        endings = {ending.get("type"): ending.get("number", "") for ending in written.iterfind("barline/ending")}
        measures.append(
            Measure(
                start=round(start),
                end=round(end),
                opens="forward" in repeats,
                closes="backward" in repeats,
                ending=endings.get("start", ""),
                ends=bool(endings.keys() & {"stop", "discontinue"}),
            )
        )
        start = end
    return measures


def _length(measure: Element) -> Fraction:
    """How long a measure is, in divisions."""
    position = length = Fraction(0)
    for element in measure:
        duration = Fraction(element.findtext("duration", "0"))
        if element.tag == "backup":
            position -= duration
        elif element.tag == "forward" or (element.tag == "note" and element.find("chord") is None):
            position += duration
        length = max(length, position)
    return length
