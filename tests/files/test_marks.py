"""A seal holds until someone changes its file, and no reader minds it."""

import io
import json
import wave
import zlib
from pathlib import Path

import numpy as np
import pytest
from music21 import converter

from bachlit.files.marks import is_sealed, seal
from bachlit.music.chorale import Chorale
from bachlit.rendering import pdf, png, svg, wav
from bachlit.scores import read_chorale, to_midi, to_musicxml, write_midi, write_musicxml

PIECE = Chorale.from_pitches([[67, 64, 60, 48]] * 16 + [[69, 65, 60, 53]] * 16)
CONTENTS = {
    ".musicxml": to_musicxml(PIECE).encode(),
    ".xml": to_musicxml(PIECE).encode(),
    ".mid": to_midi(PIECE),
    ".midi": to_midi(PIECE),
    ".svg": svg(PIECE).encode(),
    ".png": png(PIECE),
    ".pdf": pdf(PIECE),
    ".wav": wav(PIECE),
    ".json": json.dumps({"pieces": [1, 2]}, indent=2).encode() + b"\n",
}


@pytest.fixture(params=CONTENTS)
def sealed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"piece{request.param}"
    path.write_bytes(seal(CONTENTS[request.param], request.param))
    return path


def test_what_is_sealed_is_known_and_what_is_not_is_not(sealed: Path) -> None:
    assert is_sealed(sealed)
    assert not is_sealed(sealed.rename(sealed.with_suffix(".txt")))
    sealed.write_bytes(CONTENTS[sealed.suffix])
    assert not is_sealed(sealed)
    for short in (b"", b"\n", b"bachlit:"):
        sealed.write_bytes(short)
        assert not is_sealed(sealed)


def test_any_byte_that_is_changed_breaks_the_seal(sealed: Path) -> None:
    content = sealed.read_bytes()
    places = {*range(0, len(content), 1 + len(content) // 300), *range(60), *range(len(content) - 60, len(content))}
    for at in places:
        changed = bytearray(content)
        changed[at] ^= 1
        sealed.write_bytes(changed)
        assert not is_sealed(sealed), at
    for changed in (content + b"\n", content[:-1], content.replace(b"\n", b"\r\n") + b" "):
        sealed.write_bytes(changed)
        assert not is_sealed(sealed)


@pytest.mark.parametrize("ending", [".musicxml", ".mid"])
def test_a_sealed_score_reads_as_one_without(ending: str, tmp_path: Path) -> None:
    paths = [tmp_path / name / f"piece{ending}" for name in ("plain", "sealed")]
    for path in paths:
        path.parent.mkdir()
    paths[0].write_bytes(CONTENTS[ending])
    (write_midi if ending == ".mid" else write_musicxml)(PIECE, paths[1])
    assert is_sealed(paths[1])
    assert read_chorale(paths[0]) == read_chorale(paths[1])
    scores = [converter.parse(path, forceSource=True) for path in paths]
    heard = [[(note.offset, str(note.pitch)) for note in score.flatten().notes] for score in scores]
    assert heard[0] == heard[1] != []


def test_a_sealed_sound_plays_the_same_samples() -> None:
    content = seal(CONTENTS[".wav"], ".wav")
    with wave.open(io.BytesIO(content)) as file, wave.open(io.BytesIO(CONTENTS[".wav"])) as plain:
        assert file.getparams() == plain.getparams()
        assert file.readframes(file.getnframes()) == plain.readframes(plain.getnframes())
    assert int.from_bytes(content[4:8], "little") == len(content) - 8
    chunks, at = {}, 12
    while at < len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        chunks[content[at : at + 4]] = content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(content)
    assert list(chunks) == [b"fmt ", b"data", b"LIST"]
    assert chunks[b"LIST"].startswith(b"INFOICMT\x1a\0\0\0bachlit:")


def test_a_sealed_picture_has_the_same_pixels_and_right_sums() -> None:
    from matplotlib.image import imread  # noqa: PLC0415  # an extra

    content = seal(CONTENTS[".png"], ".png")
    assert np.array_equal(imread(io.BytesIO(content)), imread(io.BytesIO(CONTENTS[".png"])))
    at, kinds = 8, []
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        assert zlib.crc32(content[at + 4 : at + 8 + size]).to_bytes(4, "big") == content[at + 8 + size : at + 12 + size]
        kinds.append(content[at + 4 : at + 8])
        at += 12 + size
    assert kinds[-2:] == [b"tEXt", b"IEND"]


def test_a_sealed_description_is_json() -> None:
    told = json.loads(seal(CONTENTS[".json"], ".json"))
    assert told["pieces"] == [1, 2]
    assert told["seal"].startswith("bachlit:")
