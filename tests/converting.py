"""Scores in formats that bachlit reads and doesn't write. Import it as `converting`."""

import contextlib
import io
import warnings

import pytest


def mei(text: str) -> str:
    """A score in MEI, by verovio."""
    verovio = pytest.importorskip("verovio")
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.loadData(text)
    return str(toolkit.getMEI())


def kern(text: str) -> str:
    """A score in kern, by converter21's writer."""
    from converter21.humdrum import HumdrumWriter  # noqa: PLC0415  # takes a second
    from music21 import converter  # noqa: PLC0415  # as above

    quiet = contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), quiet[0], quiet[1]:
        warnings.simplefilter("ignore")
        written = io.StringIO()
        HumdrumWriter(converter.parseData(text, format="musicxml")).write(written)
    return written.getvalue()
