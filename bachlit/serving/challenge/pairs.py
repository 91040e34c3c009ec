"""Prepare pairs of clips, in a process of its own."""

import json
import os
import signal
import sys
import warnings
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bachlit.classes import import_typed, working_folder
from bachlit.errors import BachlitError, CorpusError
from bachlit.music.chorale import Chorale
from bachlit.serving.challenge.clips import Pair, clips
from bachlit.serving.challenge.excerpts import Excerpt, Outline, excerpts, in_one_key

if TYPE_CHECKING:
    from bachlit.models.language_model import LanguageModel

NUM_HARMONISED, NUM_COMPOSED, NUM_CATCHES = 12, 12, 3
"""Pairs of each kind: more than a listener hears, so that listeners hear different ones."""

_LONGEST = 288  # frames of a chorale that is harmonised whole
_TRIES = 4  # compositions per pair: for some, no excerpt of Bach has the outline
_CLASH = 1  # semitones


class Maker:
    """Makes pairs from a model and Bach's chorales.

    Args:
        model: Writes the other clips.
        label: Its name.
        chorales: Bach's.
        held_out: Names of those that the model wasn't trained on.
        seed: Draws pieces and excerpts: the same seed gives the same pairs.
    """

    def __init__(
        self, model: "LanguageModel", label: str, chorales: Sequence[Chorale], held_out: set[str], *, seed: int = 0
    ) -> None:
        from bachlit.corpus.tunes import group_by_tune

        self._model, self._label, self._seed = model, label, seed
        self._random = np.random.default_rng(seed)
        numbered = list(zip(chorales, group_by_tune(chorales), strict=True))
        tested = {tune for chorale, tune in numbered if chorale.name in held_out}
        self._tested = self._shuffled([one for one in numbered if one[0].name in held_out])
        # No tune that is harmonised is also heard whole, so listeners never hear one twice.
        self._others = self._shuffled([one for one in numbered if one[1] not in tested])

    def pairs(self) -> Iterator[Pair]:
        """Make all pairs, of each kind in turn, so that a session can soon begin."""
        makers = deque([self.catches(), self.harmonised(), self.composed()])
        while makers:
            if (pair := next(makers[0], None)) is None:
                makers.popleft()
            else:
                yield pair
                makers.rotate(-1)

    def harmonised(self) -> Iterator[Pair]:
        """Harmonise held-out sopranos whole, and cut the same phrases of both."""
        from bachlit.api import harmonize
        from bachlit.generation.harmonizing import harmonizer

        used: set[int] = set()
        for chorale, tune in self._tested:
            found = self._shuffled(list(excerpts(chorale))) if chorale.num_frames <= _LONGEST else []
            if len(used) == NUM_HARMONISED or tune in used or not found:
                continue
            try:
                written = harmonize(chorale, checkpoint=self._model, seed=self._seed)
            except BachlitError:  # a soprano that the model can't read
                continue
            one = next((one for one in found if one.of(written).whole()), None)
            if one is not None:
                used.add(tune)
                both = clips(one.music(), one.of(written).music())
                decoder = _decoder(harmonizer())
                yield Pair("harmonisation", f"{one.place} harmonised", tune, self._label, decoder, self._seed, *both)

    def composed(self) -> Iterator[Pair]:
        """Compose chorales, and cut phrases of the same outline of Bach's."""
        from bachlit.api import COMPOSER, compose

        by_outline: defaultdict[Outline, list[tuple[Excerpt, int]]] = defaultdict(list)
        for chorale, tune in self._others:
            for one in excerpts(chorale):
                by_outline[one.outline()].append((one, tune))
        used: set[int] = set()
        for seed in range(self._seed, self._seed + _TRIES * NUM_COMPOSED):
            if len(used) == NUM_COMPOSED:
                return
            [written] = compose(checkpoint=self._model, seed=seed)
            found = self._beside(written, by_outline, used)
            if found is not None:
                one, bach, tune = found
                used.add(tune)
                both = in_one_key(bach, one)
                assert both is not None
                name = f"{bach.place} and {one.place}"
                yield Pair("composition", name, tune, self._label, _decoder(COMPOSER), seed, *clips(*both))

    def _beside(
        self, written: Chorale, by_outline: dict[Outline, list[tuple[Excerpt, int]]], used: set[int]
    ) -> tuple[Excerpt, Excerpt, int] | None:
        """Find an excerpt of a composition and one of Bach with its outline, whose tune wasn't used."""
        for one in self._shuffled(list(excerpts(written))):
            for bach, tune in self._shuffled(by_outline.get(one.outline(), [])):
                if tune not in used and in_one_key(bach, one) is not None:
                    return one, bach, tune
        return None

    def catches(self) -> Iterator[Pair]:
        """Set the soprano of an excerpt of Bach's a semitone above where it belongs: it clashes throughout."""
        tunes: set[int] = set()
        for chorale, tune in reversed(self._others):
            found = self._shuffled(list(excerpts(chorale)))
            if tune in tunes or not found:
                continue
            if len(tunes) == NUM_CATCHES:
                return
            tunes.add(tune)
            bach = found[0].music()
            pitches = bach.pitches.copy()
            pitches[:, 0] += _CLASH
            both = clips(bach, replace(bach, pitches=pitches))
            yield Pair("catch", f"{found[0].place} and its soprano {_CLASH} semitone higher", tune, "", "", 0, *both)

    def _shuffled(self, items: list[Any]) -> list[Any]:
        return [items[index] for index in self._random.permutation(len(items))]


def _decoder(decoder: Any) -> str:
    """Describe a decoder with all its options, as JSON."""
    from bachlit.generation.ranking import plain

    return json.dumps(plain(decoder))


def prepare(connection: Connection, checkpoint: Path | None, modules: Sequence[str] = ()) -> None:
    """Prepare pairs with low priority, and send each when it is ready; a sentence in place of pairs if that fails.

    Args:
        connection: End of a pipe that `Pair`s are sent into.
        checkpoint: The model; the one that ships if None.
        modules: The user's own, which the model needs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # not at once: libraries return their semaphores
    if hasattr(os, "nice"):
        os.nice(10)
    with suppress(ConnectionError), connection, working_folder(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where a rule gave way is nothing to listeners
        try:
            for module in modules:
                import_typed(module)
            for pair in _maker(checkpoint).pairs():
                connection.send(pair)
        except (BachlitError, ImportError) as error:
            connection.send(str(error))


def _maker(checkpoint: Path | None) -> Maker:
    """Load a model and the chorales that it wasn't trained on."""
    from bachlit.models.runs import find_model
    from bachlit.models.shipped import PRETRAINED

    path = find_model(checkpoint or PRETRAINED)
    import torch

    from bachlit.corpus import BachCorpus
    from bachlit.corpus.splits import split_by_tune
    from bachlit.models.language_model import LanguageModel
    from bachlit.models.recorded import recorded

    torch.set_num_threads(1)  # it gives way to those who answer
    chorales = BachCorpus(workers=1).chorales()
    split = recorded(path).split
    known = {chorale.name for chorale in chorales}
    # A model that records no pieces is taken for one that was trained on the usual division.
    names = split.get("test", ()) if split else [chorale.name for chorale in split_by_tune(chorales)["test"]]
    held_out = known.intersection(names)
    if not held_out:
        raise CorpusError(
            "None of Bach's chorales was held out from the model's training; expected some to harmonise; choose "
            "another --checkpoint."
        )
    return Maker(LanguageModel.load(path), _label(path), list(chorales), held_out)


def _label(path: Path) -> str:
    """Name a model by its folder or file, and by a digest of its weights."""
    from bachlit.models.shipped import WEIGHTS

    weights = path / WEIGHTS if path.is_dir() else path
    return f"{path.stem} {sha256(weights.read_bytes()).hexdigest()[:12]}"
