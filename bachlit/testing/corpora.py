"""The laws of corpora."""

import pickle
from collections import Counter
from collections.abc import Mapping, Sequence

from bachlit.corpus import FOLDS, Corpus, Fold
from bachlit.corpus.tunes import group_by_tune
from bachlit.encoding import Encoding, SatbEncoding
from bachlit.errors import EncodingError
from bachlit.music.chorale import Chorale
from bachlit.testing.models import check_encoding

_MOST_NAMED = 3  # pieces in a message


def check_corpus(corpus: Corpus, encoding: Encoding | None = None, *, tunes_apart: bool = True) -> None:
    """Check that a corpus gives named pieces in one order, disjoint folds of all of them, and can be trained on.

    Args:
        corpus: The corpus.
        encoding: Of the models to train on it: every piece must have tokens; `SatbEncoding` if None.
        tunes_apart: Whether no hymn tune may be in two folds, as in `split_by_tune`; JSB-16th's own folds share some.
    """
    pieces = corpus.chorales()
    assert isinstance(pieces, Sequence), "pieces are a sequence, with a length and indices"
    assert len(pieces), "there is at least one piece"
    assert all(isinstance(piece, Chorale) for piece in pieces), "pieces are chorales"
    names = [piece.name for piece in pieces]
    unnamed = [number for number, name in enumerate(names) if not name]
    assert not unnamed, f"every piece has a name; number {unnamed[0]} has none"
    twice = [name for name, often in Counter(names).items() if often > 1]
    assert not twice, f"every piece has a name of its own; {_some(twice)} occur more than once"
    assert [pieces[index] for index in range(len(pieces))] == list(pieces), "by index, pieces are those in turn"
    assert list(corpus.chorales()) == list(pieces), "the same pieces come in the same order each time"
    _check_spawned(corpus, pieces)
    folds = corpus.folds()
    if folds is not None:
        _check_folds(folds, pieces, tunes_apart=tunes_apart)
    _check_encoded(encoding or SatbEncoding(), pieces)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _check_spawned(corpus: Corpus, pieces: Sequence[Chorale]) -> None:
    """Check that a process that gets a copy of the corpus reads the same."""
    try:
        copied = pickle.loads(pickle.dumps(corpus))
    except Exception as error:  # pickling fails in many ways
        raise AssertionError(f"a corpus can be sent to another process: {type(error).__name__}, {error}") from error
    assert list(copied.chorales()) == list(pieces), "another process reads the same pieces"


def _check_folds(folds: Mapping[Fold, Sequence[Chorale]], pieces: Sequence[Chorale], *, tunes_apart: bool) -> None:
    unknown = set(folds).difference(FOLDS)
    assert not unknown, f"folds are {', '.join(FOLDS)}, not {_some(sorted(unknown))}"
    assert folds.get("train"), "there is a piece to train on"
    fold_of: dict[str, str] = {}
    for fold, chorales in folds.items():
        for piece in chorales:
            assert piece.name not in fold_of, f"no piece is in two folds; {piece.name} is"
            fold_of[piece.name] = fold
    lost = [piece.name for piece in pieces if piece.name not in fold_of]
    assert not lost, f"every piece is in a fold; {_some(lost)} is not"
    strangers = fold_of.keys() - {piece.name for piece in pieces}
    assert not strangers, f"folds hold the corpus's pieces; {_some(sorted(strangers))} is none"
    if tunes_apart:
        first: dict[int, Chorale] = {}
        for piece, tune in zip(pieces, group_by_tune(pieces), strict=True):
            other = first.setdefault(tune, piece)
            assert fold_of[other.name] == fold_of[piece.name], (
                f"no tune is in two folds; that of {other.name} and {piece.name} is"
            )


def _check_encoded(encoding: Encoding, pieces: Sequence[Chorale]) -> None:
    """Check that a model can read every piece."""
    faults = []
    for piece in pieces:
        try:
            encoding.encode(piece)
        except EncodingError as error:
            faults.append(str(error))
    assert not faults, f"every piece has tokens; {len(faults)} of {len(pieces)} have none: {faults[0]}"
    check_encoding(encoding, pieces)
