"""Each law of a corpus finds the bug that it is there for."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from few import Few

from bachlit.corpus import BachCorpus, Fold, Jsb16Corpus
from bachlit.encoding import BachBotEncoding, SatbEncoding
from bachlit.music.chorale import Chorale
from bachlit.testing import check_corpus


def test_bachlits_own_corpora_keep_the_laws(bach: list[Chorale], tmp_path: Path) -> None:
    check_corpus(BachCorpus(), SatbEncoding(bars=True))
    pieces = [bach[index].pitches[:64].tolist() for index in range(6)]
    for fold, part in (("train", pieces[:4]), ("valid", pieces[4:])):
        (tmp_path / f"{fold}.json").write_text(json.dumps(part))
    check_corpus(Jsb16Corpus(tmp_path), tunes_apart=False)


class Unsound(Few):
    """Few pieces, of which a change makes something else."""

    def __init__(self, pieces: list[Chorale], change: Callable[[list[Chorale]], Any], *, later: bool = False) -> None:
        super().__init__(pieces)
        self.change, self.later, self.asked = change, later, 0

    def chorales(self) -> Any:
        self.asked += 1
        return self.change(self.pieces) if self.asked > 1 or not self.later else self.pieces

    def folds(self) -> None:  # type: ignore[override]
        return None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"change": named}


def named(pieces: list[Chorale]) -> list[Chorale]:
    return pieces


def backwards(pieces: list[Chorale]) -> list[Chorale]:
    return pieces[::-1]


def too_high(pieces: list[Chorale]) -> list[Chorale]:
    return [piece.transpose(40) for piece in pieces]


class Backwards(list[Chorale]):
    """A sequence with another order by index."""

    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(-1 - index)


CHANGES: list[tuple[Callable[[list[Chorale]], Any], str]] = [
    (lambda pieces: [], "at least one piece"),
    (iter, "a sequence"),
    (lambda pieces: [piece.pitches for piece in pieces], "are chorales"),
    (lambda pieces: [replace(piece, name="") for piece in pieces], "number 0 has none"),
    (lambda pieces: pieces + pieces[:1], "a name of its own; .* occur more than once"),
    (Backwards, "by index, pieces are those in turn"),
    (too_high, "6 of 6 have none: .* expected 30 to 87"),
]


@pytest.mark.parametrize(("change", "law"), CHANGES, ids=[law[:30] for _, law in CHANGES])
def test_pieces_that_cannot_be_trained_on_are_found(
    change: Callable[[list[Chorale]], Any], law: str, bach: list[Chorale]
) -> None:
    pieces = [bach[index] for index in range(6)]
    check_corpus(Unsound(pieces, named))
    with pytest.raises(AssertionError, match=law):
        check_corpus(Always(pieces, change))


class Always(Unsound):
    """Another process gets the change, too."""

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__


def test_an_order_that_changes_is_found(bach: list[Chorale]) -> None:
    pieces = [bach[index] for index in range(6)]
    with pytest.raises(AssertionError, match="same order each time"):
        check_corpus(Unsound(pieces, backwards, later=True))
    with pytest.raises(AssertionError, match="another process reads the same"):
        check_corpus(Unsound(pieces, backwards))
    with pytest.raises(AssertionError, match="can be sent to another process"):
        check_corpus(Always(pieces, lambda pieces: pieces))


class Folded(Few):
    """Folds that are given, by the numbers of pieces."""

    def __init__(self, pieces: list[Chorale], **folds: list[int]) -> None:
        super().__init__(pieces)
        self.numbers = folds

    def folds(self) -> dict[Fold, list[Chorale]]:
        return {fold: [self.pieces[number] for number in numbers] for fold, numbers in self.numbers.items()}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("folds", "law"),
    [
        ({"train": [0, 1, 2, 3], "valid": [3, 4], "test": [5]}, "no piece is in two folds"),
        ({"train": [0, 1, 2], "valid": [3], "test": [5]}, "every piece is in a fold; .* is not"),
        ({"train": [0, 1, 2], "validation": [3, 4, 5]}, "folds are train, valid, test, not validation"),
        ({"train": [], "valid": [0, 1, 2, 3, 4, 5]}, "a piece to train on"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_folds_that_mix_or_lose_pieces_are_found(folds: dict[str, list[int]], law: str, bach: list[Chorale]) -> None:
    pieces = [bach[index] for index in range(6)]
    check_corpus(Folded(pieces, train=[0, 1, 2, 3], valid=[4], test=[5]), tunes_apart=False)
    with pytest.raises(AssertionError, match=law):
        check_corpus(Folded(pieces, **folds), tunes_apart=False)


def test_a_tune_on_two_sides_is_found(bach: list[Chorale]) -> None:
    twin = replace(bach[0].transpose(2), name="twin")
    corpus = Folded([bach[0], bach[1], twin], train=[0], valid=[1], test=[2])
    check_corpus(corpus, tunes_apart=False)
    with pytest.raises(AssertionError, match=f"that of {bach[0].name} and twin is"):
        check_corpus(corpus)


def test_a_stranger_in_a_fold_is_found(bach: list[Chorale]) -> None:
    corpus = Folded([bach[index] for index in range(4)], train=[0, 1, 2], valid=[3])
    corpus.chorales = Fewer(corpus.pieces)  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match=f"folds hold the corpus's pieces; {bach[3].name} is none"):
        check_corpus(corpus, tunes_apart=False)


class Fewer:
    """All pieces but the last."""

    def __init__(self, pieces: list[Chorale]) -> None:
        self.pieces = pieces

    def __call__(self) -> list[Chorale]:
        return self.pieces[:-1]


def test_a_piece_needs_tokens_of_the_encoding_that_is_named(bach: list[Chorale]) -> None:
    corpus = Few([bach[index] for index in range(8)])
    check_corpus(corpus, BachBotEncoding(), tunes_apart=False)
    with pytest.raises(AssertionError, match=r"8 of 8 have none: .* expected 60 to 61"):
        check_corpus(corpus, SatbEncoding(lowest=60, highest=61), tunes_apart=False)
