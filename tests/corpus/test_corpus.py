"""The laws of corpora and their cache."""

import dataclasses
import errno
import itertools
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import disks
import numpy as np
import pytest
from chorales import repeated_chorale
from forking import python

from bachlit.corpus import BachBotCorpus, BachCorpus, FolderCorpus, Jsb16Corpus
from bachlit.corpus.cache import CachedChorales, load_chorales, pack
from bachlit.encoding import BachBotEncoding
from bachlit.errors import CorpusError
from bachlit.music.chorale import Chorale, move_home
from bachlit.scores import ScoreWarning, read_chorale, to_musicxml, write_musicxml
from bachlit.tokens import END, START


@pytest.fixture
def folder(tmp_path: Path, bach: list[Chorale]) -> Path:
    """Three good scores, one of them in a folder of its own, and a broken one."""
    (tmp_path / "scores" / "inner").mkdir(parents=True)
    for index, place in enumerate(("a.musicxml", "b.musicxml", "inner/c.musicxml")):
        write_musicxml(bach[index], tmp_path / "scores" / place)
    (tmp_path / "scores" / "broken.musicxml").write_text("<score-partwise><part>")
    return tmp_path / "scores"


def folder_corpus(folder: Path, **options: int) -> FolderCorpus:
    return FolderCorpus(folder, cache=folder.parent / "cache", **options)  # type: ignore[arg-type]


def test_bach_is_one_piece_a_movement_in_four_voices(bach: list[Chorale]) -> None:
    names = [piece.name for piece in bach]
    assert len(bach) == 396
    assert len(set(names)) == len(names)
    for piece in bach:
        assert (piece.pitches > 0).any(axis=0).all()
    by_name = dict(zip(names, bach, strict=True))
    assert by_name["bwv269"].pickup == 4
    assert by_name["bwv269"].time_signature == (3, 4)
    assert str(by_name["bwv269"].key) == "G major"
    assert by_name["bwv269"].fermatas.any()


def test_bachbots_chorales_are_those_in_four_parts_by_number(bach: list[Chorale]) -> None:
    """As music21's iterator gives them, but BWV 18.5 and 69.6 once."""
    from music21 import corpus  # noqa: PLC0415  # slow to import, and here alone

    entries = list(corpus.chorales.Iterator(numberingSystem="bwv", returnType="filename"))
    files = BachBotCorpus().files()
    assert len(entries) == 353
    named = [re.sub(r"-.*$", "", entry.removeprefix("bach/")) for entry in entries]
    assert set(files) < set(named)
    left_out = [entry for entry, name in zip(entries, named, strict=True) if name not in files]
    assert len(entries) - len(left_out) == 334
    for entry in left_out:
        assert len(corpus.parse(entry).parts) > 4, entry
    assert list(files) == sorted(files)
    assert files.items() < BachCorpus().files().items()


def test_bachbots_chorales_come_to_its_thesis_number_of_tokens(bach: list[Chorale]) -> None:
    """The thesis has 423,463; the two chorales that BachBot had twice make up for some of the rest."""
    encoding = BachBotEncoding()
    played = BachBotCorpus().chorales()
    once = [piece for piece in bach if piece.name in BachBotCorpus().files()]
    assert [sum(piece.num_frames for piece in pieces) for pieces in (played, once)] == [83064, 71252]
    tokens = [np.concatenate([encoding.encode(move_home(piece)) for piece in pieces]) for pieces in (played, once)]
    assert [len(stream) for stream in tokens] == [422734, 362624]
    assert len(tokens[0]) == pytest.approx(423463, rel=0.002)
    assert len(set(tokens[0].tolist()) - {START, END}) == 108  # symbols in use, as BachBot's


def test_repeats_are_played_as_music21_plays_them(bach: list[Chorale]) -> None:
    """One score in eight: music21 takes its time."""
    from music21 import converter  # noqa: PLC0415  # slow to import, and here alone

    pieces = {piece.name: piece for piece in BachBotCorpus().chorales()}
    longer = [piece.name for piece in bach if pieces.get(piece.name, piece).num_frames > piece.num_frames]
    assert len(longer) > 100
    for name in longer[::8]:
        part = converter.parse(BachBotCorpus().files()[name]).parts[0].expandRepeats()
        frames = [
            [note.pitch.midi if note.isNote else 0] * int(note.quarterLength * 4)
            for note in part.flatten().notesAndRests
        ]
        assert pieces[name].pitches[:, 0].tolist() == [pitch for held in frames for pitch in held], name


def test_a_folder_is_read_with_its_broken_file_named_and_skipped(folder: Path, bach: list[Chorale]) -> None:
    corpus = folder_corpus(folder, workers=1)
    with pytest.warns(ScoreWarning, match=r"Skipped 1 of 4 scores: broken.musicxml"):
        chorales = corpus.chorales()
    assert [piece.name for piece in chorales] == ["a.musicxml", "b.musicxml", "inner/c.musicxml"]
    assert np.array_equal(chorales[0].pitches, bach[0].pitches)
    assert list(corpus.skipped) == ["broken.musicxml"]


def test_what_comes_from_the_cache_is_what_was_read(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = folder_corpus(folder, workers=1).chorales()
        assert len(list((folder.parent / "cache").iterdir())) == 1
        again = folder_corpus(folder)
        again._parse = None  # type: ignore[assignment, method-assign]  # reading again would fail
        assert again.chorales() == first
        assert list(again.skipped) == ["broken.musicxml"]


def test_a_huge_file_among_the_scores_takes_no_memory(folder: Path) -> None:
    with (folder / "huge.xml").open("wb") as file:
        file.truncate(2**28)  # a file with a hole, which takes no room on the disk
    corpus = folder_corpus(folder, workers=1)
    tracemalloc.start()
    try:
        with pytest.warns(ScoreWarning, match="more than 32 MB"):
            corpus.chorales()
        assert tracemalloc.get_traced_memory()[1] < 2**27
    finally:
        tracemalloc.stop()


def test_a_changed_file_is_read_anew(folder: Path, bach: list[Chorale]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder_corpus(folder, workers=1).chorales()
        write_musicxml(bach[5], folder / "a.musicxml")
        assert np.array_equal(folder_corpus(folder, workers=1).chorales()[0].pitches, bach[5].pitches)


def flipped(content: bytes, index: int) -> bytes:
    return content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "another program's": lambda content: b"PK\x03\x04 cut short",
    "of another version": lambda content: content.replace(b"chorales, 5", b"chorales, 4", 1),
    "the first line alone": lambda content: content.partition(b"\n")[0] + b"\n",
    "cut short": lambda content: content[:-1],
    "cut in the middle": lambda content: content[: len(content) // 2],
    "longer": lambda content: content + b"0",
    "zeros, as after a power failure": lambda content: bytes(len(content)),
    "a bit wrong in a piece": lambda content: flipped(content, -400),
    "a bit wrong in what was skipped": lambda content: flipped(content, -1),
    "a bit wrong in the number of records": lambda content: flipped(content, 22),
    "a bit wrong in a place": lambda content: flipped(content, 30),
    "a bit wrong in a sum": lambda content: flipped(content, 38),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_cache_is_made_anew(folder: Path, damage: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = list(folder_corpus(folder, workers=1).chorales())
        [cache] = (folder.parent / "cache").iterdir()
        whole = cache.read_bytes()
        cache.write_bytes(DAMAGES[damage](whole))
        assert folder_corpus(folder, workers=1).chorales() == first
        assert cache.read_bytes() == whole


def unpacked(content: bytes) -> list[bytes]:
    """The records of a cache, the last of what was skipped."""
    num = int.from_bytes(content[22:30], "little")
    ends = np.frombuffer(content, "<i8", count=2 * num, offset=30)[::2]
    return [content[start:stop] for start, stop in itertools.pairwise([30 + 16 * num, *ends])]


def packed(records: Sequence[bytes], *, ends: Callable[[list[int]], list[int]] = list, num: int | None = None) -> bytes:
    """A cache of records, its sums right, whatever is in it."""
    places = itertools.accumulate(map(len, records), initial=30 + 16 * len(records))
    table = np.array([*zip(ends([*places][1:]), map(zlib.crc32, records), strict=False)], "<i8")
    count = (len(records) if num is None else num) % 2**64
    return b"bachlit's chorales, 5\n" + count.to_bytes(8, "little") + table.tobytes() + b"".join(records)


ODD = (-(2**31), -(10**6), -8, -4, -1, 0, 1, 2, 3, 4, 5, 7, 8, 16, 99, 1000, 10**6, 10**9, 2**31 - 1)


def wrong_records(record: bytes) -> Iterator[bytes]:
    """A record with every number odd, other arrays and texts, and random bytes in it."""
    numbers = np.frombuffer(record, "<i4", count=9)
    for index, value in itertools.product(range(9), ODD):
        changed = numbers.copy()
        changed[index] = value
        yield changed.tobytes() + record[36:]
    yield from (record[:20], record[36:], b"", b"\0", record[:-400], record + b"\xff\xfe", record + b"\0" * 99)
    yield numbers.tobytes() + b"\xff" * (len(record) - 36)
    random = np.random.default_rng(0)
    for _ in range(300):
        bytes_of = np.frombuffer(record, np.uint8).copy()
        where = random.integers(0, len(record) if random.random() < 0.5 else 36, random.integers(1, 5))
        bytes_of[where] = random.integers(0, 256, len(where))
        yield bytes_of.tobytes()


def wrong_caches(records: list[bytes]) -> Iterator[bytes]:
    """Caches with right sums and wrong records, counts or places."""
    for record in wrong_records(records[1]):
        yield packed([records[0], record, *records[2:]])
    for skipped in (b"", b"a", b"a\0", b"a\0b", b"\0" * 3, b"a\0b\0c\0", b"z\0z\0", b"\xff"):
        yield packed([*records[:-1], skipped])
    for indices in ((1, 2, 3), (0, 0, 1, 2, 3), (3, 2, 1, 0), (3,), (1, 0, 2, 3), (0, 1, 2)):
        yield packed([records[index] for index in indices])
    for num in (-1, 0, 1, 3, 5, 10**6, 2**63, 2**61):
        yield packed(records, num=num)
    far = 2**62
    for index, place in itertools.product(range(len(records)), (-far, -1, 0, 22, 30, 95, far)):
        yield packed(records, ends=lambda places, at=index, to=place: [*places[:at], to, *places[at + 1 :]])
    for size in (0, 1, 2):
        yield packed(records, ends=lambda places, size=size: places[:size])


def test_a_cache_with_a_right_sum_and_wrong_records_is_made_anew(folder: Path) -> None:
    """Each of these once ended in a traceback, or in pieces of other lengths, pitches and names."""
    corpus = folder_corpus(folder, workers=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = list(corpus.chorales())
        [cache] = (folder.parent / "cache").iterdir()
        whole, names, num, refused = cache.read_bytes(), list(corpus.files()), 0, 0
        assert packed(unpacked(whole)) == whole
        for content in wrong_caches(unpacked(whole)):
            num += 1
            cache.write_bytes(content)
            loaded = load_chorales(cache, names)
            if loaded is None:
                refused += 1
                if num % 50 == 0:
                    assert corpus.chorales() == first
                    assert cache.read_bytes() == whole
            else:  # other music, as a score could hold it
                assert [piece.name for piece in loaded] == [piece.name for piece in first]
                for piece in loaded:
                    to_musicxml(piece)
                    assert piece.num_frames < 1000
    assert num > 400
    assert refused > 0.8 * num


def test_measures_keys_and_orders_survive_the_cache(bach: list[Chorale]) -> None:
    pieces = [dataclasses.replace(repeated_chorale(seed), name=f"{seed}", title="O Haupt") for seed in range(60)]
    assert any(piece.bars for piece in pieces)
    assert any(piece.keys for piece in pieces)
    assert any(piece.order for piece in pieces)
    assert list(CachedChorales(pack((piece.name, piece) for piece in [*pieces, *bach[:5]]))) == [*pieces, *bach[:5]]


def test_wrong_records_of_irregular_bars_are_refused_or_music() -> None:
    piece = dataclasses.replace(repeated_chorale(3), name="3")
    assert piece.bars
    assert piece.keys
    assert piece.order
    [record, skipped] = unpacked(pack([("3", piece)]))
    wrongs = list(wrong_records(record))
    refused = 0
    for wrong in wrongs:
        try:
            [read] = CachedChorales(packed([wrong, skipped]))
        except CorpusError:
            refused += 1
        else:
            assert read.num_frames == piece.num_frames
            assert read.measures[-1].end == read.num_frames
    assert refused > 0.5 * len(wrongs)


def test_a_cache_that_claims_to_hold_far_more_takes_no_memory(folder: Path) -> None:
    corpus = folder_corpus(folder, workers=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        corpus.chorales()
    [cache] = (folder.parent / "cache").iterdir()
    records, names = unpacked(cache.read_bytes()), list(corpus.files())
    frames = (2**31 - 1).to_bytes(4, "little") + records[0][4:]
    for wrong in (
        packed([frames, *records[1:]]),
        packed(records, num=2**40),
        packed(records, ends=lambda _: [2**40] * 9),
    ):
        cache.write_bytes(wrong)
        tracemalloc.start()
        try:
            assert load_chorales(cache, names) is None
            assert tracemalloc.get_traced_memory()[1] < 2**22
        finally:
            tracemalloc.stop()


def test_a_cache_that_is_cut_short_while_it_is_in_use_ends_in_a_sentence(folder: Path) -> None:
    """Mapped into memory, it once ended the process without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chorales = folder_corpus(folder, workers=1).chorales()
    [cache] = (folder.parent / "cache").iterdir()
    cache.write_bytes(b"")
    with pytest.raises(CorpusError, match=f"The cache in {cache} was changed"):
        chorales[0]


def test_a_cache_may_be_removed_while_it_is_in_use(folder: Path, bach: list[Chorale]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        chorales = folder_corpus(folder, workers=1).chorales()
    shutil.rmtree(folder.parent / "cache")
    assert np.array_equal(chorales[2].pitches, bach[2].pitches)


READ = """
import os, signal, sys, warnings
from pathlib import Path
from bachlit.corpus import FolderCorpus
warnings.simplefilter("ignore")
folder, begin = Path(sys.argv[1]), sys.argv[2:]
print("ready", flush=True)
if begin == ["wait"]:
    sys.stdin.readline()
if begin == ["die"]:
    Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
print(len(FolderCorpus(folder, cache=folder.parent / "cache", workers=1).chorales()))
"""


def reader(folder: Path, *begin: str) -> "subprocess.Popen[str]":
    """A process that reads the folder: at once, when it is told, or until it is killed before the cache is in place."""
    command = [python(), "-c", READ, str(folder), *begin]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_processes_that_start_at_once_both_get_the_corpus(folder: Path) -> None:
    processes = [reader(folder, "wait") for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        print("go", file=process.stdin, flush=True)
    assert [process.communicate(timeout=120)[0] for process in processes] == ["3\n", "3\n"]
    assert [path.suffix for path in (folder.parent / "cache").iterdir()] == [".cache"]


def test_a_process_that_is_killed_while_it_writes_the_cache_leaves_none(folder: Path) -> None:
    killed = reader(folder, "die")
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    [part] = (folder.parent / "cache").iterdir()
    assert part.suffix == ".part"
    assert reader(folder).communicate(timeout=120)[0] == "3\n"
    [cache] = (folder.parent / "cache").glob("*.cache")
    assert part.exists()  # it might be another process's, at work
    os.utime(part, (0, 0))
    cache.unlink()
    assert reader(folder).communicate(timeout=120)[0] == "3\n"
    assert [*(folder.parent / "cache").iterdir()] == [cache]


def block(folder: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """Let the cache's folder take no file."""
    cache = folder.parent / "cache"
    if why == "a file in the folder's place":
        cache.write_text("")
    elif why == "a full disk":
        disks.fill(monkeypatch, cache, room=100)
    elif why == "a disk that is read-only":
        opened = Path.open

        def refuse(self: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
            if "x" in mode and self.parent == cache:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return opened(self, mode, *args, **options)

        monkeypatch.setattr(Path, "open", refuse)
    else:
        files = folder_corpus(folder).files()
        (cache / f"{folder_corpus(folder)._key(files)}.cache").mkdir(parents=True)


@pytest.mark.parametrize(
    ("why", "said"),
    [
        ("a file in the folder's place", "File exists"),
        ("a full disk", "No space left on device"),
        ("a disk that is read-only", "Read-only file system"),
        ("a folder in the file's place", "Is a directory"),
    ],
)
def test_a_cache_that_can_not_be_written_costs_time_and_not_the_work(
    why: str, said: str, folder: Path, bach: list[Chorale], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is parsed twice by one corpus: a data module asks it twice."""
    (folder / "broken.musicxml").unlink()
    block(folder, monkeypatch, why)
    before = sorted((folder.parent / "cache").rglob("*"))
    corpus = folder_corpus(folder, workers=1)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        chorales = corpus.chorales()
    [sentence] = [str(warning.message) for warning in told]
    place = folder.parent / "cache"
    assert sentence == f"The chorales can't be cached in {place} ({said}); they will be read again next time."
    assert [path for path in sorted(place.rglob("*")) if path.is_file() and path not in before] == []
    monkeypatch.setattr(corpus, "_parse", lambda files: pytest.fail("parsed again"))
    for pieces in (chorales, corpus.chorales(), pickle.loads(pickle.dumps(chorales))):
        assert [np.array_equal(piece.pitches, other.pitches) for piece, other in zip(pieces, bach, strict=False)] == [
            True
        ] * 3


class Deadly(type(Path())):  # type: ignore[misc]
    """A file that ends the process that is to read it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


def test_a_worker_that_is_killed_ends_the_reading_in_a_sentence(folder: Path) -> None:
    (folder / "inner" / "c.musicxml").unlink()
    corpus = folder_corpus(folder, workers=2)
    files: dict[str, Path] = {name: Deadly(path) for name, path in corpus.files().items()}
    corpus.files = lambda: files  # type: ignore[method-assign]
    with pytest.raises(CorpusError, match="was killed, as when memory runs out"):
        corpus.chorales()


def test_parsing_on_several_processes_keeps_the_order(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = folder_corpus(folder, workers=1).chorales()
        shutil.rmtree(folder.parent / "cache")
        assert folder_corpus(folder, workers=2).chorales() == one


def test_folders_without_scores_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no folder"):
        FolderCorpus(tmp_path / "missing").chorales()
    with pytest.raises(CorpusError, match="holds no scores"):
        FolderCorpus(tmp_path).chorales()
    (tmp_path / "broken.xml").write_text("")
    with pytest.warns(ScoreWarning), pytest.raises(CorpusError, match="None of the 1 scores"):
        FolderCorpus(tmp_path, cache=tmp_path / "cache", workers=1).chorales()


def test_jsb16_keeps_its_own_folds(tmp_path: Path) -> None:
    pieces = [[[67, 64, 60, 48]] * 4 + [[69, -1, 60, 53]] * 4, [[60, 55, 52, 36]] * 3]
    (tmp_path / "train.json").write_text(json.dumps(pieces))
    (tmp_path / "test.json").write_text(json.dumps(pieces[1:]))
    folds = Jsb16Corpus(tmp_path).folds()
    assert [len(folds[fold]) for fold in ("train", "valid", "test")] == [2, 0, 1]
    first = folds["train"][0]
    assert first.pitches[4].tolist() == [69, 0, 60, 53]
    assert first.onsets[4].tolist() == [True, True, False, True]
    assert [piece.name for piece in Jsb16Corpus(tmp_path).chorales()] == ["train-0", "train-1", "test-0"]


@pytest.mark.parametrize(
    "content",
    [
        *("", "{}", "[[1, 2]]", "[[[60, 60, 60]]]", '[["a"]]', "[[[60, 60, 60, 600]]]", "[1]"),
        *("[" * 100_000, f"[[[60, 60, 60, {10**30}]]]", "[[[60, 60, 60, 60.5]]]", "[[[60, 60, 60, 1e999]]]"),
    ],
    ids=lambda content: content[:30],
)
def test_a_file_that_is_no_fold_of_jsb16_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(CorpusError, match="JSB-16th"):
        Jsb16Corpus(tmp_path).folds()


def test_a_folder_without_jsb16_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"train\.json"):
        Jsb16Corpus(tmp_path).chorales()


def test_every_chorale_of_bach_survives_writing_and_reading(bach: list[Chorale], tmp_path: Path) -> None:
    """One in eight here; the rest would only repeat it. A rest at a piece's very end is not written."""
    for piece in bach[::8]:
        write_musicxml(piece, tmp_path / "piece.musicxml")
        again = read_chorale(tmp_path / "piece.musicxml")
        for field in ("pitches", "onsets", "fermatas"):
            assert np.array_equal(getattr(again, field), getattr(piece, field)), (piece.name, field)
        assert (again.time_signature, again.pickup, again.key) == (piece.time_signature, piece.pickup, piece.key)


def test_a_script_without_a_main_guard_reads_a_corpus_once(folder: Path) -> None:
    """Spawned workers import the main script: one that trained a model at module level once ran in every worker."""
    script = folder.parent / "script.py"
    script.write_text(
        "import warnings; warnings.simplefilter('ignore')\n"
        "from bachlit.corpus import FolderCorpus\n"
        f"print(len(FolderCorpus({str(folder)!r}, cache={str(folder.parent / 'cache')!r}, workers=2).chorales()))\n"
    )
    done = subprocess.run([python(), str(script)], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "3\n"
