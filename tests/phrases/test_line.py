"""Lines: a tune's notes in bars, and their features."""

import dataclasses

import numpy as np
import pytest

from bachlit import Chorale
from bachlit.errors import ChoraleError
from bachlit.music.chorale import REST
from bachlit.phrases.features import NUM_FEATURES, features_of
from bachlit.phrases.line import Line, line_of


def tune(*notes: tuple[int, int], metre: tuple[int, int] = (4, 4), pickup: int = 0) -> Chorale:
    """A soprano of (pitch, sixteenths)."""
    pitches = np.zeros((sum(length for _, length in notes), 4), np.int16)
    onsets = np.zeros(pitches.shape, np.bool_)
    frame = 0
    for pitch, length in notes:
        pitches[frame : frame + length, 0] = pitch
        onsets[frame, 0] = True
        frame += length
    return Chorale(
        pitches=pitches, onsets=onsets, fermatas=np.zeros(frame, np.bool_), time_signature=metre, pickup=pickup
    )


def test_a_rest_belongs_to_the_note_before_it() -> None:
    line = line_of(tune((60, 4), (REST, 4), (62, 8)))
    assert line.places.tolist() == [0, 0.5, 1]
    assert line.lengths.tolist() == [0.25, 0.5]


def test_frames_are_where_the_notes_begin() -> None:
    assert line_of(tune((REST, 4), (60, 4), (60, 8))).frames.tolist() == [4, 8]


def test_places_go_on_over_a_change_of_metre(bach: list[Chorale]) -> None:
    changing = next(piece for piece in bach if len({measure.time_signature for measure in piece.measures}) > 1)
    places = line_of(changing).places
    assert (np.diff(places) > 0).all()
    downbeats = {measure.start for measure in changing.measures if not measure.position}
    frames = line_of(changing).frames
    assert all(place.is_integer() for place, frame in zip(places, frames, strict=False) if frame in downbeats)


def test_a_silent_voice_has_no_line() -> None:
    with pytest.raises(ChoraleError, match="The bass of the chorale never sounds"):
        line_of(tune((60, 4)), "bass")


def test_features_are_the_same_in_all_keys(bach: list[Chorale]) -> None:
    for piece in bach[:10]:
        here, moved = (features_of(line_of(one)) for one in (piece, piece.transpose(2)))
        assert here.shape == (len(here), NUM_FEATURES)
        assert np.isfinite(here).all()
        assert np.allclose(here, moved, atol=1e-5)


def test_features_are_the_same_in_doubled_values(bach: list[Chorale]) -> None:
    """A bar stays a bar, if the metre doubles too."""
    piece = next(piece for piece in bach if piece.time_signature == (4, 4) and not piece.bars)
    doubled = dataclasses.replace(
        piece,
        pitches=np.repeat(piece.pitches, 2, axis=0),
        onsets=np.stack([piece.onsets, np.zeros_like(piece.onsets)], axis=1).reshape(-1, 4),
        fermatas=np.repeat(piece.fermatas, 2),
        time_signature=(4, 2),
        pickup=2 * piece.pickup,
        keys=(),
        order=(),
        source=None,
    )
    assert np.allclose(features_of(line_of(piece)), features_of(line_of(doubled)), atol=1e-5)


def test_a_single_note_has_features() -> None:
    assert np.isfinite(features_of(line_of(tune((60, 16))))).all()


def test_the_longest_note_has_none_that_is_longer() -> None:
    line: Line = line_of(tune((60, 4), (62, 4), (64, 8), (65, 4)))
    shares = features_of(line)[:, 14]  # of notes that are longer
    assert shares.argmin() == 2
    assert shares[2] == 0
