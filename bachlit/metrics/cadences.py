"""Cadences: the chords on which phrases and pieces end."""

from typing import NamedTuple

from bachlit.metrics.chords import chord_of
from bachlit.music.chorale import REST, BoolArray, Chorale, IntArray
from bachlit.music.playing import played_frames


class Cadences(NamedTuple):
    """Counts of the chords under fermatas, taken where the soprano's note begins.

    Attributes:
        fermatas: Soprano notes with a fermata.
        triads: Those over a major or minor triad, with or without its fifth.
        in_root_position: Those of them in root position.
        ends_on_tonic: Whether the root of the chord played last is the tonic of the key, whatever its quality and
            inversion; a bare note is its own root, an unnamed chord has none. True of 311 of the 396 pieces in
            `BachCorpus` (79 %; most others end a fourth or fifth above), so that is the target.
    """

    fermatas: int
    triads: int
    in_root_position: int
    ends_on_tonic: bool


def cadences(chorale: Chorale) -> Cadences:
    """Count the cadences of a chorale.

    >>> pitches, onsets = [[71, 67, 62, 55], [72, 67, 64, 48]], [[True] * 4] * 2
    >>> closing = Chorale(pitches=pitches, onsets=onsets, fermatas=[False, True])
    >>> cadences(closing)
    Cadences(fermatas=1, triads=1, in_root_position=1, ends_on_tonic=True)
    """
    roots = [_root(pitches) for pitches in chorale.pitches[fermata_notes(chorale)]]
    played = played_frames(chorale)
    sounding = played[(chorale.pitches[played] != REST).any(axis=1)]
    last = chord_of(chorale.pitches[sounding[-1]]) if len(sounding) else None
    return Cadences(
        fermatas=len(roots),
        triads=sum(root is not None for root in roots),
        in_root_position=sum(root == 0 for root in roots),
        ends_on_tonic=last is not None and last.root == chorale.key_at(int(played[-1])).tonic,
    )


def fermata_notes(chorale: Chorale) -> BoolArray:
    """Mask (T,) of the frames in which the soprano begins a note under a fermata.

    >>> neighbours = Chorale(pitches=[[71, 67, 62, 55], [72, 67, 64, 48]], onsets=[[True] * 4] * 2, fermatas=[True] * 2)
    >>> fermata_notes(neighbours).tolist()
    [True, True]
    """
    begins: BoolArray = chorale.fermatas & chorale.onsets[:, 0] & (chorale.pitches[:, 0] != REST)
    return begins


def _root(pitches: IntArray) -> int | None:
    """Root of a triad in semitones above the bass; None if it isn't a triad."""
    chord = chord_of(pitches)
    if chord is None or chord.root is None:
        return None
    root = (chord.root - int(pitches[pitches != REST].min())) % 12
    # Two notes are a triad without fifth only if the root is below.
    whole, without_fifth = chord.quality in ("major", "minor"), chord.quality in ("major third", "minor third")
    return root if whole or (without_fifth and root == 0) else None
