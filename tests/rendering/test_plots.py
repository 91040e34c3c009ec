"""Plots show what they are given: notes, probabilities, given cells, hidden units."""

import dataclasses
import io
import sys

import numpy as np
import pytest
from chorales import random_chorale
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from bachlit.errors import ChoraleError
from bachlit.music.chorale import VOICES, Chorale
from bachlit.rendering import MissingPackageError, plots
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
    assert centres[0] == pytest.approx(centres[1], abs=7)  # pixels: within a semitone and a sixteenth


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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("title", "drawn"),
    [
        ("$x_", "$x_"),
        (r"\frac$$ \$", r"\frac$$ \$"),
        ("Wachet auf,\n „ruft“", "Wachet auf, „ruft“"),
        ("Lob\x01\ud800", "Lob"),
        ("\u8056\u6b4c Lob", "\ufffd\ufffd Lob"),
        ("", "bwv0"),
    ],
)
def test_a_title_is_drawn_as_far_as_the_font_can(title: str, drawn: str, figures: list[Figure]) -> None:
    chorale = dataclasses.replace(random_chorale(0, num_frames=20), title=title, name="bwv0")
    assert piano_roll(chorale)[:4] == b"\x89PNG"
    assert figures[0].get_suptitle() == drawn


@pytest.mark.parametrize("title", ["WACHET AUF, RUFT UNS DIE STIMME " * 20, "m" * 100])
def test_a_long_title_is_not_cut_by_the_edges(title: str) -> None:
    above = picture(piano_roll(dataclasses.replace(random_chorale(0, num_frames=20), title=title)))[:20].min(axis=2)
    assert above.min() < 0.5
    assert above[:, :10].min() == above[:, -10:].min() == 1


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were drawn, to look into."""
    kept: list[Figure] = []
    draw = plots.as_png
    monkeypatch.setattr(plots, "as_png", lambda figure: kept.append(figure) or draw(figure))
    return kept


LONG = random_chorale(1, num_frames=400, metre=(3, 4), pickup=4)
SPANS = [(0, 136), (136, 280), (280, 400)]  # rows of whole bars of twelve sixteenths


def lines(axes: Axes, colour: str) -> list[tuple[float, float, float]]:
    """Where a row's lines of a colour begin and end, and how high they lie."""
    return [
        (segment[0, 0], segment[1, 0], segment[0, 1])
        for lines in axes.collections
        if to_rgb(lines.get_color()[0]) == to_rgb(colour)
        for segment in lines.get_segments()
    ]


def test_a_rows_notes_are_those_of_its_frames(figures: list[Figure]) -> None:
    piano_roll(LONG)
    assert len(figures[0].axes) == len(SPANS)
    for axes, (begin, end) in zip(figures[0].axes, SPANS, strict=True):
        assert axes.get_xlim()[0] == begin
        for column, colour in enumerate(COLOURS.values()):
            pitches = np.zeros(end, int)
            for first, last, height in lines(axes, colour):
                assert begin <= first < last <= end
                pitches[int(first) : int(np.ceil(last))] = round(height)
            assert np.array_equal(pitches[begin:], LONG.pitches[begin:end, column])


def test_voices_in_unison_are_all_seen() -> None:
    image = picture(piano_roll(Chorale.from_pitches([[60, 60, 60, 60]] * 32)))
    apart = picture(piano_roll(Chorale.from_pitches([[72, 67, 60, 48]] * 32)))
    for colour in COLOURS.values():
        assert painted(image, colour) > 0.3 * painted(apart, colour) > 1000


def test_the_shade_of_a_written_note_is_seen() -> None:
    """The one probability that the roll is for once lay under the note's own bar."""
    chorale = Chorale.from_pitches([[72, 67, 60, 48]] * 32)
    certain = np.eye(128)[chorale.pitches.astype(int)]
    changed = np.abs(picture(piano_roll(chorale, certain)) - picture(piano_roll(chorale))).max(axis=2) > 0.1
    notes = sum(painted(picture(piano_roll(chorale)), colour) for colour in COLOURS.values())
    assert changed.sum() > notes


def test_each_row_has_the_probabilities_of_its_frames(figures: list[Figure]) -> None:
    probabilities = np.zeros((400, 4, 128))
    probabilities[:, 3, 50] = np.linspace(0, 1, 400)
    piano_roll(LONG, probabilities)
    images = [axes.images[0] for axes in figures[0].axes]
    assert [tuple(image.get_extent()[:2]) for image in images] == SPANS
    darkness = 1 - np.concatenate([np.asarray(image.get_array())[49, :, 0] for image in images])
    assert darkness == pytest.approx(np.linspace(0, darkness[-1], 400))
    assert darkness[-1] > 0.3


def test_each_row_has_the_units_of_its_frames(figures: list[Figure]) -> None:
    units = np.random.default_rng(0).normal(size=(400, 3))
    activations(LONG, units, ["one", "two", "three"])
    images = [axes.images[0] for axes in figures[0].axes[1::2]]
    assert [tuple(image.get_extent()[:2]) for image in images] == SPANS
    assert np.array_equal(np.concatenate([image.get_array() for image in images], axis=1), units.T)


def test_bars_are_numbered_as_in_the_score(figures: list[Figure]) -> None:
    piano_roll(LONG)
    ticks = [
        (tick, label.get_text())
        for axes in figures[0].axes
        for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    ]
    assert ticks == [(0, "0"), *((4 + 12 * (bar - 1), str(bar)) for bar in range(1, 34))]


def test_lines_run_through_what_is_given_and_sounds(figures: list[Figure]) -> None:
    given = np.random.default_rng(0).random((400, 4)) < 0.4
    piano_roll(LONG, given=given)
    for axes, (begin, end) in zip(figures[0].axes, SPANS, strict=True):
        cells = np.argwhere((given & (LONG.pitches > 0))[begin:end]) + np.array([begin, 0])
        expected = sorted((frame, LONG.pitches[frame, column]) for frame, column in cells)
        assert sorted((first, round(height)) for first, _, height in lines(axes, "black")) == expected


def test_what_doesnt_fit_the_chorale_is_refused() -> None:
    chorale = Chorale.from_pitches([[72, 67, 60, 48]] * 4)
    with pytest.raises(ChoraleError, match=r"shape \(5, 4, 128\); expected the chorale's \(4, 4, 128\)"):
        piano_roll(chorale, np.zeros((5, 4, 128)))
    with pytest.raises(ChoraleError, match="given cells have the shape"):
        piano_roll(chorale, given=np.zeros((4, 3), bool))
    with pytest.raises(ChoraleError, match=r"units have the shape \(4, 2\); expected the chorale's \(4, 1\)"):
        activations(chorale, np.zeros((4, 2)), ["one"])


def test_without_matplotlib_a_plot_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    chorale = Chorale.from_pitches([[72, 67, 60, 48]])
    for draw in (lambda: piano_roll(chorale), lambda: activations(chorale, np.zeros((1, 1)), ["one"])):
        with pytest.raises(MissingPackageError, match="needs matplotlib, which isn't installed; expected the extra"):
            draw()
