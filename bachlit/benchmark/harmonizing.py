"""What decoders make of held-out sopranos, and how near they come to Bach's own voices: the tables of the README."""

import time
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from bachlit.api import PRETRAINED
from bachlit.benchmark.decoding import cut
from bachlit.chorale import RANGES, VOICES, Chorale, Voice
from bachlit.corpus import BachCorpus, Fold
from bachlit.decoding import PART_WRITING, BeamSearch, Decoder, Gibbs, Greedy, Particles, Rules, Sampling
from bachlit.errors import OptionError, RuleWarning
from bachlit.language_model import LanguageModel
from bachlit.metrics import cadences, rule_counts, texture, total
from bachlit.prompt import Prompt
from bachlit.splits import split_by_tune
from bachlit.writing import write

HARMONIZERS: dict[str, tuple[Decoder, Rules | None]] = {
    "beam": (BeamSearch(16), None),
    "beam-strict": (BeamSearch(16), PART_WRITING),
    "beam-free": (BeamSearch(16), Rules()),
    "gibbs": (Gibbs(BeamSearch(8), rounds=30), PART_WRITING),
    "particles": (Particles(32), None),
    "sampling": (Sampling(0.9), None),
    "greedy": (Greedy(), PART_WRITING),
    "greedy-free": (Greedy(), Rules()),
}
"""Decoders with their rules, the usual ones if None: `strict` are those without rewards, `free` no rules."""

LENGTHS = (1, 2, 3, 4, 6, 8)
MISSING = ("S", "A", "T", "B", "AT", "ATB")


class Row(NamedTuple):
    """What became of some pieces.

    Attributes:
        chorales: As they were written.
        log_probs: The model's, of whole pieces, in nats.
        num_warnings: How often a `RuleWarning` was given.
        seconds: They took.
    """

    chorales: list[Chorale]
    log_probs: list[float]
    num_warnings: int = 0
    seconds: float = 0.0


def harmonizing(*, fold: Fold, pieces: int, frames: int, decoders: Sequence[str], masks: bool) -> Iterator[str]:
    """Write voices of Bach's chorales anew with the model that ships; piece i has seed i.

    Args:
        fold: Of `split_by_tune`.
        pieces: So many of the fold's first, all if 0: those whose given voices are in their ranges.
        frames: So many sixteenths of each from its beginning, the whole if 0.
        decoders: Names among `HARMONIZERS`; Bach himself comes first in any case.
        masks: Leave voices out in turn, and compare what the first decoder puts there with Bach.

    Yields:
        Lines of a table in Markdown.

    Raises:
        OptionError: If a number is below 0.
    """
    if min(pieces, frames) < 0:
        raise OptionError(f"{pieces} pieces, cut to {frames} frames, can't be written; expected at least 0 (for all).")
    model = LanguageModel.load(PRETRAINED)
    needed = VOICES if masks else VOICES[:1]
    chosen = [chorale for chorale in split_by_tune(BachCorpus().chorales())[fold] if _in_range(chorale, needed)]
    bach = [cut(chorale, 0, frames) if frames else chorale for chorale in chosen[: pieces or None]]
    yield f"{len(bach)} pieces of the fold {fold}, {sum(chorale.num_frames for chorale in bach)} frames"
    yield ""
    if masks:
        yield from _table(_errors(model, bach, decoders[0]))
        return
    rows = {"Bach": Row(bach, [_log_prob(model, chorale) for chorale in bach])}
    for name in decoders:
        rows[name] = _written(model, [Prompt.voices(chorale, "soprano") for chorale in bach], *HARMONIZERS[name])
    yield from _table({name: figures(row, bach) for name, row in rows.items()})
    if {"beam-strict", "greedy"} <= rows.keys():
        pairs = zip(rows["beam-strict"].log_probs, rows["greedy"].log_probs, strict=True)
        share = np.mean([beam > greedy for beam, greedy in pairs])
        yield f"\nbeam-strict is likelier than greedy, under the same rules, in {share:.1%} of the pieces"


def figures(row: Row, bach: Sequence[Chorale]) -> dict[str, str]:
    """A row's figures, by what they say."""
    counts, heard = total([rule_counts(chorale) for chorale in row.chorales]), texture(*row.chorales)
    closes = [cadences(chorale) for chorale in row.chorales]
    num, fermatas = len(closes), sum(close.fermatas for close in closes)
    broken = {
        "crossings": counts.crossings,
        "overlaps": counts.overlaps,
        "too wide": counts.wide_soprano_alto + counts.wide_alto_tenor,
        "out of range": counts.out_of_range,
    }
    other = np.concatenate([one.pitches != its.pitches for one, its in zip(row.chorales, bach, strict=True)])
    return {
        "parallel fifths a piece": f"{counts.parallel_fifths / num:.2f}",
        "parallel octaves a piece": f"{counts.parallel_octaves / num:.2f}",
        "hidden ones a piece": f"{(counts.hidden_fifths + counts.hidden_octaves) / num:.2f}",
        **{f"{name} in 1,000 frames": f"{1000 * count / counts.frames:.1f}" for name, count in broken.items()},
        "frames with a change": f"{heard.changing:.1%}",
        **{f"attacks a bar, {voice}": f"{heard.attacks[VOICES.index(voice)]:.2f}" for voice in VOICES[1:]},
        "stepwise motion": f"{heard.stepwise:.1%}",
        **{f"notes of length {length}": f"{share:.1%}" for length, share in zip(LENGTHS, heard.lengths, strict=True)},
        "root-position triads at fermatas": f"{sum(close.in_root_position for close in closes) / max(1, fermatas):.1%}",
        "pieces that end on the tonic": f"{sum(close.ends_on_tonic for close in closes) / num:.1%}",
        "pitches of A, T, B not Bach's": f"{other[:, 1:].mean():.3f}",
        "log-probability a frame": f"{sum(row.log_probs) / counts.frames:.3f}",
        "rules that gave way": str(row.num_warnings),
        "seconds": f"{row.seconds:.0f}",
    }


def _errors(model: LanguageModel, bach: Sequence[Chorale], name: str) -> dict[str, dict[str, str]]:
    """By the voices that are missing, the shares of wrong cells (TER) and of frames with one (FER)."""
    table = {}
    for missing in MISSING:
        given = [voice for voice in VOICES if voice[0].upper() not in missing]
        row = _written(model, [Prompt.voices(chorale, *given) for chorale in bach], *HARMONIZERS[name])
        pairs = list(zip(row.chorales, bach, strict=True))
        wrong = np.concatenate([(one.pitches != its.pitches) | (one.onsets != its.onsets) for one, its in pairs])
        wrong = wrong[:, ["SATB".index(voice) for voice in missing]]  # (T, M), the missing ones
        table[missing] = {"TER": f"{wrong.mean():.3f}", "FER": f"{wrong.any(axis=1).mean():.3f}"}
    return table


def _written(model: LanguageModel, prompts: Sequence[Prompt], decoder: Decoder, rules: Rules | None) -> Row:
    begun = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", RuleWarning)
        written = write(model, prompts, decoder=decoder, seeds=range(len(prompts)), rules=rules)
    seconds = time.perf_counter() - begun
    return Row([one.chorale for one in written], [one.log_prob for one in written], len(caught), seconds)


def _log_prob(model: LanguageModel, chorale: Chorale) -> float:
    start, *tokens = torch.from_numpy(model.encoding.encode(chorale)).unsqueeze(1)  # (1,) each
    return float(model.score(torch.stack(tokens, 1), start))


def _in_range(chorale: Chorale, voices: Sequence[Voice]) -> bool:
    compasses = [(RANGES[voice], chorale.only(voice).compass) for voice in voices]
    return all(its is not None and low <= its[0] <= its[1] <= high for (low, high), its in compasses)


def _table(columns: dict[str, dict[str, str]]) -> Iterator[str]:
    """A table in Markdown, its columns aligned."""
    rows = [["", *columns]]
    rows += [[label, *(column[label] for column in columns.values())] for label in next(iter(columns.values()))]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    rows.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(one.rjust(width) for one, width in zip(others, widths[1:], strict=True))]
        yield f"| {' | '.join(cells)} |"
