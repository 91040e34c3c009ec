"""Plots show what they are given: notes, probabilities, given cells, hidden units."""

import dataclasses
import io
import sys

import numpy as np
import pytest
from chorales import random_chorale
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from bachlit.chorale import VOICES, Chorale
from bachlit.errors import ChoraleError
from bachlit.rendering import MissingPackageError
from bachlit.rendering.plots import COLOURS, activations, piano_roll


def picture(content: bytes) -> np.ndarray:
    """Red, green and blue (height, width, 3) from 0 to 1."""
    return imread(io.BytesIO(content))[:, :, :3]


def painted(image: np.ndarray, colour: str) -> int:
    """How many pixels have just this colour."""
    return int((np.abs(image - to_rgb(colour)).max(axis=2) < 0.01).sum())


@pytest.mark.parametrize("column", range(4), ids=VOICES)
def test_a_voice_has_as_much_of_its_colour_as_it_sounds(column: int) -> None:
    inked = []
    for sounding in (0, 40, 80, 160):
        pitches = np.zeros((160, 4), int)
        pitches[:sounding, column] = 60
        image = picture(piano_roll(Chorale.from_pitches(pitches)))
        inked.append([painted(image, colour) for colour in COLOURS.values()])
    more = np.diff(inked, axis=0) / 40  # a frame's; the legend's is in all
    assert (np.delete(more, column, axis=1) == 0).all()
    assert more[0, column] > 10
    assert more[:, column] == pytest.approx(more[0, column] * np.array([1, 1, 2]), rel=0.1)


def test_a_probability_is_a_shade_of_its_voice_and_none_is_no_shade() -> None:
    chorale = Chorale.from_pitches([[72, 67, 60, 48]] * 32)
    nothing = np.zeros((32, 4, 128))
    clear = picture(piano_roll(chorale, nothing))
    previous = 0
    for strength in (0.5, 1.0):
        probabilities = nothing.copy()
        probabilities[8:12, 3, 54] = strength
        image = picture(piano_roll(chorale, probabilities))
        changed = np.abs(image - clear).max(axis=2) > 0.02
        shades = image[changed]
        assert changed.any()
        blue = shades[:, 2] - shades[:, 0]  # the bass's colour
        assert np.median(blue) > previous + 0.1
        previous = np.median(blue)
    rest = nothing.copy()
    rest[:, :, 0] = 1
    assert np.array_equal(picture(piano_roll(chorale, rest)), clear)


def test_a_shade_lies_where_a_note_of_its_pitch_and_time_would() -> None:
    chords = np.array([[72, 67, 60, 48]] * 32)
    plain, moved = chords.copy(), chords.copy()
    plain[8:12, 3], moved[8:12, 3] = 0, 54
    probabilities = np.zeros((32, 4, 128))
    probabilities[8:12, 3, 54] = 1
    nothing = np.zeros_like(probabilities)
    empty, note, shade = (
        picture(piano_roll(Chorale.from_pitches(pitches), behind))
        for pitches, behind in ((plain, nothing), (moved, nothing), (plain, probabilities))
    )
    centres = [np.argwhere(np.abs(image - empty).max(axis=2) > 0.3).mean(axis=0) for image in (note, shade)]
    assert centres[0] == pytest.approx(centres[1], abs=2)  # pixels; a semitone is eight high


def test_given_cells_are_told_apart() -> None:
    chorale = Chorale.from_pitches([[72, 67, 60, 48]] * 32)
    black = []
    for share in (0, 16, 32):
        given = np.zeros((32, 4), bool)
        given[:share, 0] = True
        black.append((picture(piano_roll(chorale, given=given)).max(axis=2) < 0.3).sum())
    assert black[2] - black[1] == pytest.approx(black[1] - black[0], rel=0.1)
    assert black[1] > black[0] + 300


def test_fermatas_are_marked() -> None:
    plain = Chorale.from_pitches([[72, 67, 60, 48]] * 32)
    marked = dataclasses.replace(plain, fermatas=np.ones(32, bool))
    assert not np.array_equal(picture(piano_roll(plain)), picture(piano_roll(marked)))


def test_long_pieces_take_more_rows_of_the_same_width() -> None:
    shapes = [picture(piano_roll(random_chorale(0, num_frames=frames))).shape for frames in (100, 400)]
    assert shapes[0][1] == shapes[1][1]
    assert shapes[1][0] > 2 * shapes[0][0]


def test_units_are_red_where_positive_and_blue_where_negative() -> None:
    chorale = Chorale.from_pitches([[0, 0, 0, 0]] * 32)
    image = picture(activations(chorale, np.repeat([[1.0, -1.0, 0.0]], 32, axis=0), ["up", "down", "still"]))
    red, blue = (
        (image[:, :, one] - image[:, :, other] > 0.25) & (image[:, :, 1] < 0.25) for one, other in [(0, 2), (2, 0)]
    )
    assert red.sum() == pytest.approx(blue.sum(), rel=0.2)
    assert np.nonzero(red)[0].mean() < np.nonzero(blue)[0].mean()  # from the top down
    assert (image.shape[0] * image.shape[1]) * 0.02 < red.sum()


def test_any_title_is_drawn_as_it_is() -> None:
    for title in ("$x_", r"\frac$$", "Wachet auf, „ruft“"):
        assert piano_roll(dataclasses.replace(random_chorale(0, num_frames=20), title=title))[:4] == b"\x89PNG"


def test_what_doesnt_fit_the_chorale_is_refused() -> None:
    chorale = Chorale.from_pitches([[72, 67, 60, 48]] * 4)
    with pytest.raises(ChoraleError, match=r"probabilities have the shape \(5, 4, 128\); expected \(4, 4, 128\)"):
        piano_roll(chorale, np.zeros((5, 4, 128)))
    with pytest.raises(ChoraleError, match="given cells have the shape"):
        piano_roll(chorale, given=np.zeros((4, 3), bool))
    with pytest.raises(ChoraleError, match=r"units have the shape \(4, 2\); expected \(4, 1\)"):
        activations(chorale, np.zeros((4, 2)), ["one"])


def test_without_matplotlib_a_plot_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    chorale = Chorale.from_pitches([[72, 67, 60, 48]])
    for draw in (lambda: piano_roll(chorale), lambda: activations(chorale, np.zeros((1, 1)), ["one"])):
        with pytest.raises(MissingPackageError, match="needs matplotlib, which isn't installed; expected the extra"):
            draw()
