"""Folk songs of the Essen collection, as music21 has it: tunes whose lines are phrases.

They may be used non-commercially only: nothing that ships learns from them.
"""

import dataclasses
import re
import tempfile
import warnings
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bachlit.corpus.base import FOLDS, Fold
from bachlit.errors import CorpusError, ScoreError
from bachlit.music.chorale import REST, Chorale
from bachlit.music.keys import Mode, key_of
from bachlit.music.measures import Measure
from bachlit.scores import read_melody, tunes_of

_NOTE = re.compile(r"[_=^]*[A-Ga-g][,']*[0-9/]*")
_FIELD = re.compile(r"[A-Za-z]:")
_AUDIT = 10  # every tenth song is kept for audits by others
# Songs that share a third of their runs of eight intervals, and four of them if they have so many, are versions of one
# tune. With fewer, simple tunes form chains.
_RUN, _SHARED, _FEWEST = 8, 1 / 3, 4
_SHARES: dict[Fold, float] = {"train": 0.8, "valid": 0.1, "test": 0.1}


def essen_songs(folder: Path | None = None) -> list[Chorale]:
    """Read the songs of the Essen collection, a fermata on each phrase's last note.

    The key is the tonic as written, with a mode inferred from the notes. A song's name is its file's and its number,
    such as `erk5.abc:12`. Every tenth song (by a checksum of its name) is left out, and so are versions of its tune.

    Args:
        folder: Where the collection's files are; in music21 if None.

    Raises:
        CorpusError: If the files aren't there.
    """
    songs = [song for path in _files(folder) for song in _songs_of(path)]
    left_out = {index for index, song in enumerate(songs) if _is_audited(song.name)}
    left_out |= {index for pair in versions(songs) for index in pair if left_out & set(pair)}
    return [song for index, song in enumerate(songs) if index not in left_out]


def essen_folds(others: Sequence[Chorale], folder: Path | None = None, *, seed: int = 0) -> dict[Fold, list[Chorale]]:
    """Divide the collection so that no tune is in two folds: eight, one and one tenths.

    Args:
        others: Pieces of other corpora whose tunes are left out.
        folder: As for `essen_songs`.
        seed: Random seed.

    Raises:
        CorpusError: If the files aren't there.
    """
    songs = essen_songs(folder)
    known = {other - len(others) for one, other in versions([*others, *songs]) if one < len(others) <= other}
    songs = [song for index, song in enumerate(songs) if index not in known]
    tunes: defaultdict[int, list[Chorale]] = defaultdict(list)
    for song, tune in zip(songs, number_tunes(songs), strict=True):
        tunes[tune].append(song)
    folds: dict[Fold, list[Chorale]] = {fold: [] for fold in FOLDS}
    for tune in np.random.default_rng(seed).permutation(list(tunes)).tolist():
        fold = max(FOLDS, key=lambda fold: 1 - len(folds[fold]) / len(songs) / _SHARES[fold])
        folds[fold] += tunes[tune]
    return folds


def number_tunes(songs: Sequence[Chorale]) -> list[int]:
    """Number the tunes: songs with similar sopranos, up to transposition and rhythm, get one number.

    >>> tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in range(60, 72)])
    >>> number_tunes([tune, tune.transpose(2), Chorale.from_pitches([[60, 0, 0, 0]])])
    [0, 0, 2]
    """
    tunes = list(range(len(songs)))

    def first(song: int) -> int:
        while tunes[song] != song:
            tunes[song] = tunes[tunes[song]]
            song = tunes[song]
        return song

    for pair in versions(songs):
        one, other = map(first, pair)
        tunes[max(one, other)] = min(one, other)
    return [first(index) for index in range(len(songs))]


def versions(songs: Sequence[Chorale]) -> Iterator[tuple[int, int]]:
    """Yield pairs of songs that are versions of one tune, up to transposition and rhythm."""
    having: defaultdict[bytes, list[int]] = defaultdict(list)
    num_runs: list[int] = []
    for index, song in enumerate(songs):
        runs = _runs(song)
        num_runs.append(len(runs))
        for other, shared in Counter(other for run in runs for other in having[run]).items():
            fewest = min(len(runs), num_runs[other])
            if shared >= max(_SHARED * fewest, min(_FEWEST, fewest)):
                yield other, index
        for run in runs:
            having[run].append(index)


def _runs(song: Chorale) -> set[bytes]:
    """Runs of a soprano's intervals, without repeated notes; all of it if it is short."""
    heard = song.pitches[:, 0][song.onsets[:, 0] & (song.pitches[:, 0] != REST)].astype(np.int8)
    moves = np.diff(heard)
    moves = moves[moves != 0].tobytes()
    return {moves[start : start + _RUN] for start in range(max(1, len(moves) - _RUN + 1))}


def _files(folder: Path | None) -> list[Path]:
    package = find_spec("music21")
    if folder is None and package is not None and package.origin is not None:
        folder = Path(package.origin).parent / "corpus" / "essenFolksong"
    files = sorted(folder.glob("*.abc")) if folder is not None else []
    if not files:
        raise CorpusError(
            f"There are no songs in {folder}; expected the Essen collection in ABC; install music21, which has it."
        )
    return files


def _is_audited(name: str) -> bool:
    return zlib.crc32(name.encode()) % _AUDIT == 0


def _songs_of(path: Path) -> Iterator[Chorale]:
    """Yield the songs of a file that can be read."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of notes finer than the grid
        for tune in tunes_of(path):
            single = Path(folder) / "song.abc"
            single.write_text("\n".join(map(_marked, tune.text.split("\n"))), encoding="utf-8")
            try:
                song = read_melody(single)
            except ScoreError:
                continue
            key = key_of(song.key.tonic, mode_of(song, song.key.tonic))
            name = f"{path.name}:{tune.number}"
            yield dataclasses.replace(song, name=name, key=key, keys=(), bars=_bars(song), order=(), source=None)


def _marked(line: str) -> str:
    """Put a fermata on the last note of a line of music."""
    notes = [] if _FIELD.match(line) else list(_NOTE.finditer(line))
    return f"{line[: notes[-1].start()]}!fermata!{line[notes[-1].start() :]}" if notes else line


def _bars(song: Chorale) -> tuple[Measure, ...]:
    """Divide measures that are too long: the collection has no bar line where a line ends."""
    bars: list[Measure] = []
    for measure in song.measures:
        start, room = measure.start, measure.full - measure.position
        while start < measure.end:
            length = min(room, measure.end - start)
            bars.append(
                measure._replace(number=str(len(bars) + 1), start=start, length=length, position=measure.full - room)
            )
            start, room = start + length, measure.full
    number = 0 if bars[0].position else 1
    return tuple(bar._replace(number=str(index)) for index, bar in enumerate(bars, start=number))


def mode_of(song: Chorale, tonic: int) -> Mode:
    """Infer the mode of a tune from its notes, given its tonic.

    >>> mode_of(Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (62, 64, 65, 67, 69, 71, 72, 74)]), 2)
    'dorian'
    """
    sung = song.pitches[:, 0][song.pitches[:, 0] != REST]
    heard = np.bincount((sung - tonic) % 12, minlength=12)
    if heard[3] > heard[4]:
        if heard[1] > heard[2]:
            return "phrygian"
        return "dorian" if heard[9] > heard[8] and heard[10] >= heard[11] else "minor"
    if heard[10] > heard[11]:
        return "mixolydian"
    return "lydian" if heard[6] > heard[5] else "major"
