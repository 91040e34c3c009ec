"""Plot piano rolls over a model's predictions, and hidden units under the music.

Figures are made without pyplot: no window, no backend and no shared state. Letters of a title that DejaVu Sans lacks,
such as Japanese ones, are drawn as question marks.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bachlit.errors import ChoraleError
from bachlit.extras import require
from bachlit.music.chorale import REST, VOICES, BoolArray, Chorale, Voice
from bachlit.music.notes import notes_of
from bachlit.rendering.headings import heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: dict[Voice, str] = {"soprano": "#c1272d", "alto": "#e08a00", "tenor": "#2e8b57", "bass": "#1f5fa8"}

_ROW = 176  # most frames per row: eleven bars of 4/4
_WIDTH, _DPI = 14.0, 100  # inches, pixels per inch
_ROLL, _ROLL_ABOVE_UNITS = 4.2, 3.0  # inches high
_SHADE = 0.6  # strength of the colour at probability 1: notes must stand out
_NOTE = 2.2  # points: a third of a semitone's row, so that the shade stays visible
_GAP = 0.3  # frames between repeated notes
# Offset of each voice in semitones, so that unisons are visible.
_ASIDE: dict[Voice, float] = {"soprano": 0.24, "alto": 0.08, "tenor": -0.08, "bass": -0.24}

_PIXELS: dict[str, Any] = {"aspect": "auto", "interpolation": "nearest"}

_FloatArray = npt.NDArray[np.float64]


def piano_roll(chorale: Chorale, probabilities: _FloatArray | None = None, given: BoolArray | None = None) -> bytes:
    """Plot four voices over time, in several rows.

    Args:
        chorale: The music.
        probabilities: (T, 4, 128) of each voice's pitches, as shades behind the notes, from
            `bachlit.models.inspecting.pitch_probabilities`.
        given: (T, 4) given cells, marked by a black line.

    Returns:
        A PNG file.

    Raises:
        MissingPackageError: If matplotlib isn't installed.
        ChoraleError: If a shape doesn't fit the chorale's.
    """
    require("matplotlib", "A piano roll")
    num_frames = chorale.num_frames
    _check("probabilities", probabilities, (num_frames, len(VOICES), 128))
    _check("given cells", given, chorale.pitches.shape)
    spans = _rows(chorale)
    figure = _figure([_ROLL] * len(spans), chorale)
    for axes, span in zip(figure.axes, spans, strict=True):
        _draw_roll(axes, chorale, span, given)
        if probabilities is not None:
            _shade(axes, probabilities[slice(*span)], span)
        _draw_time(axes, spans, span, chorale)
    shown = " (shades: the model's probabilities)" if probabilities is not None else ""
    _add_legend(figure, f"bar{shown}", lines=given is not None)
    return as_png(figure)


def activations(chorale: Chorale, units: _FloatArray, labels: Sequence[str], *, caption: str = "units") -> bytes:
    """Plot hidden units as a heat map under the music.

    Args:
        chorale: The music that the model read.
        units: (T, K) the units, from the top down, from `bachlit.models.inspecting.hidden_units`.
        labels: Names of the K units.
        caption: Description of the units.

    Returns:
        A PNG file. Red is positive, blue negative, on one scale.

    Raises:
        MissingPackageError: If matplotlib isn't installed.
        ChoraleError: If a shape doesn't fit the chorale's.
    """
    require("matplotlib", "A plot of hidden units")
    _check("units", units, (chorale.num_frames, len(labels)))
    spans = _rows(chorale)
    figure = _figure([_ROLL_ABOVE_UNITS, 0.4 + 0.2 * len(labels)] * len(spans), chorale)
    largest = float(np.abs(units).max(initial=1e-9))
    for roll, heat, (begin, end) in zip(figure.axes[::2], figure.axes[1::2], spans, strict=True):
        _draw_roll(roll, chorale, (begin, end))
        _draw_time(roll, spans, (begin, end), chorale)
        roll.set_xticklabels([])
        edges = begin, end, len(labels) - 0.5, -0.5
        heat.imshow(units[begin:end].T, extent=edges, cmap="RdBu_r", vmin=-largest, vmax=largest, **_PIXELS)
        _draw_time(heat, spans, (begin, end), chorale, fermatas=False)
        heat.set_yticks(range(len(labels)), labels, fontsize=7)
    _add_legend(figure, f"bar ({caption}: red {largest:.2g}, white 0, blue {-largest:.2g})")
    return as_png(figure)


def _check(what: str, array: npt.NDArray[np.generic] | None, shape: tuple[int, ...]) -> None:
    if array is not None and array.shape != shape:
        raise ChoraleError(f"The {what} have the shape {array.shape}; expected the chorale's {shape}.")


def _rows(chorale: Chorale) -> list[tuple[int, int]]:
    """Divide the measures into rows of similar length; a longer measure gets its own row."""
    num_rows = -(-chorale.num_frames // _ROW)
    limit = min(_ROW, chorale.num_frames // num_rows + chorale.measure_length)
    spans: list[tuple[int, int]] = []
    for measure in chorale.measures:
        end = measure.start + measure.length
        if spans and end - spans[-1][0] <= limit:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((measure.start, end))
    return spans


def _figure(heights: Sequence[float], chorale: Chorale) -> Figure:
    """Make a figure with one axes per height (inches), under the chorale's title or name."""
    from matplotlib import get_data_path  # noqa: PLC0415  # an extra
    from matplotlib.figure import Figure  # noqa: PLC0415  # an extra
    from matplotlib.font_manager import get_font  # noqa: PLC0415  # an extra

    figure = Figure(figsize=(_WIDTH, sum(heights) + 0.9), dpi=_DPI, layout="constrained")
    figure.subplots(len(heights), squeeze=False, height_ratios=heights)
    title, size = heading(chorale.title or chorale.name, (_WIDTH - 0.4) * _DPI, 18)
    letters = get_font(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf").get_charmap()
    title = "".join(letter if ord(letter) in letters else "\N{REPLACEMENT CHARACTER}" for letter in title)
    if title:
        figure.suptitle(title, fontsize=72 * size / _DPI, fontfamily="DejaVu Sans", parse_math=False)
    return figure


def _draw_roll(axes: Axes, chorale: Chorale, span: tuple[int, int], given: BoolArray | None = None) -> None:
    """Draw the notes of a row."""
    begin, end = span
    for column, voice in enumerate(VOICES):
        lines = [
            (note.pitch + _ASIDE[voice], max(begin, note.start), min(end, note.start + note.length - _GAP))
            for note in notes_of(chorale, voice)
            if note.pitch != REST and note.start < end and note.start + note.length > begin
        ]
        # Lines have the same thickness at every pitch.
        axes.hlines(*np.reshape(lines, (-1, 3)).T, color=COLOURS[voice], linewidth=_NOTE, zorder=3)
        if given is not None:
            cells = begin + np.flatnonzero((given & (chorale.pitches != REST))[begin:end, column])
            heights = chorale.pitches[cells, column] + _ASIDE[voice]
            axes.hlines(heights, cells, cells + 1, color="black", linewidth=0.8, zorder=4)
    low, high = chorale.compass or (60, 60)
    axes.set_ylim(low - 2.5, high + 4.5)  # room for fermatas
    cs = [pitch for pitch in range(12, 128, 12) if low - 2 <= pitch <= high + 4]
    axes.set_yticks(cs, [f"C{pitch // 12 - 1}" for pitch in cs], fontsize=8)
    axes.grid(axis="y", color="0.85", linewidth=0.6, zorder=1)


def _shade(axes: Axes, probabilities: _FloatArray, span: tuple[int, int]) -> None:
    """Shade the pitches in the voices' colours by probability."""
    from matplotlib.colors import to_rgb  # noqa: PLC0415  # an extra

    picture = np.ones((128, len(probabilities), 3))
    for column, voice in enumerate(VOICES):
        strength = _SHADE * probabilities[:, column].T[:, :, None]  # (128, T, 1)
        picture += strength * (np.array(to_rgb(COLOURS[voice])) - picture)
    limits = axes.get_ylim()
    axes.imshow(picture[1:], extent=(*span, 0.5, 127.5), origin="lower", zorder=0, **_PIXELS)  # 0 is a rest
    axes.set_ylim(limits)


def _draw_time(
    axes: Axes, spans: Sequence[tuple[int, int]], span: tuple[int, int], chorale: Chorale, *, fermatas: bool = True
) -> None:
    """Draw bar lines with numbers, fermatas, and one time scale for all rows."""
    from matplotlib.path import Path  # noqa: PLC0415  # an extra

    begin, end = span
    measures = [measure for measure in chorale.measures if begin <= measure.start < end]
    for measure in measures:
        axes.axvline(measure.start, color="0.45", linewidth=0.8, zorder=2)
    axes.set_xticks([measure.start for measure in measures], [measure.number for measure in measures], fontsize=8)
    axes.set_xlim(begin, begin + max(last - first for first, last in spans))
    if fermatas:
        middles = (note.start + note.length / 2 for note in notes_of(chorale, "soprano") if note.fermata)
        marks = [middle for middle in middles if begin <= middle < end]
        # DejaVu has no fermata: draw an arc with a dot.
        for marker, size, face in ((Path.arc(0, 180), 9, "none"), (".", 4, "black")):
            axes.plot(
                marks,
                [0.92] * len(marks),
                transform=axes.get_xaxis_transform(),
                linestyle="none",
                marker=marker,
                markersize=size,
                markerfacecolor=face,
                markeredgecolor="black",
            )


def _add_legend(figure: Figure, label: str, *, lines: bool = False) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415  # an extra
    from matplotlib.patches import Patch  # noqa: PLC0415  # an extra

    handles: list[Patch | Line2D] = [Patch(color=COLOURS[voice], label=voice) for voice in VOICES]
    if lines:
        handles.append(Line2D([], [], color="black", linewidth=0.8, label="given"))
    figure.axes[-1].set_xlabel(label, fontsize=9)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9, frameon=False)


def as_png(figure: Figure, **options: Any) -> bytes:
    """Save a figure as PNG, with options of `Figure.savefig`."""
    file = io.BytesIO()
    figure.savefig(file, format="png", **options)
    return file.getvalue()
