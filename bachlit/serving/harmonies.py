"""Harmonies: a model's pieces, as from the commands `harmonize` and `compose`."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bachlit import api, decoding
from bachlit.checking.faults import find_faults
from bachlit.decoding import Decoder, Rules
from bachlit.generation.composing import write_freely
from bachlit.generation.harmonizing import harmonizer
from bachlit.generation.limits import bars_between
from bachlit.generation.named_rules import built_in_rules, rules_kept
from bachlit.generation.options import HarmonyOptions
from bachlit.generation.phrasing import notes_ending_phrases, places_of_phrases
from bachlit.generation.written import Written
from bachlit.metrics.cadences import fermata_notes
from bachlit.music.chorale import VOICES, BoolArray, Chorale
from bachlit.music.prompt import Prompt
from bachlit.scores import ScoreBytes, read_chorale
from bachlit.serving.asks import Ask
from bachlit.serving.files import file_of, look_of
from bachlit.serving.melodies import holding
from bachlit.serving.options import WIDTH
from bachlit.serving.pieces import faults_of, merits_of, piece_of
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_FRAMES
from bachlit.serving.sheets import Sheet
from bachlit.serving.values import shown

if TYPE_CHECKING:
    from bachlit.serving.answers import Models, Watch

_SHORTEST, _LONGEST = 8, 40  # bars of a composed piece, unless a request says otherwise


def harmonized(ask: Ask, models: "Models", watch: "Watch") -> dict[str, Any] | bytes:
    """Harmonise a melody, or complete what else is given."""
    model = models(ask.options.get("checkpoint"))
    decoder, ranges = _decoder(ask), ask.options.get("ranges")
    style = ask.options.get("style", "chorale")
    rules = rules_kept(_rules(ask), ranges, decoder or harmonizer(), style, model.calibration)
    options = harmony_options(ask, decoder, rules)
    prompt = options.heard(_given(ask, options))
    request = options.request(watch.model(model), prompt)
    chooser = decoder or harmonizer(options.num)
    watch.expect(_num_tokens(request.num_frames, chooser))
    [filled] = request.fill()
    filled.warn()
    if ask.form not in ("json", "events"):
        return file_of(filled.pieces[0].chorale, ask)
    phrases = [note.start for note in notes_ending_phrases(prompt)]
    return {
        **_made(ask, chooser),
        "phrases": places_of_phrases(prompt),
        "pieces": [_piece(one, ask, prompt.given, prompt.heard.fermatas, phrases) for one in filled.pieces],
    }


def composed(ask: Ask, models: "Models", watch: "Watch") -> dict[str, Any] | bytes:
    """Compose pieces from nothing."""
    model = models(ask.options.get("checkpoint"))
    decoder = _decoder(ask) or (
        decoding.Sampling(ask.options["temperature"]) if "temperature" in ask.options else api.COMPOSER
    )
    least, most = bars_between(ask.options.get("bars"), _SHORTEST, _LONGEST)
    seed = ask.options.get("seed", 0)
    watch.expect(_num_tokens(16 * most, decoder))
    pieces = write_freely(
        watch.model(model),
        decoder=decoder,
        seeds=range(seed, seed + ask.options.get("num", 1)),
        min_frames=16 * least,
        max_frames=16 * most,
        rules=rules_kept(_rules(ask), None, decoder, calibration=model.calibration),
        strict=ask.options.get("strict", False),
    )
    if ask.form not in ("json", "events"):
        return file_of(pieces[0].chorale, ask)
    described = []
    for piece in pieces:
        whole = Prompt(piece.chorale, np.zeros(piece.chorale.pitches.shape, np.bool_))
        phrases = [note.start for note in notes_ending_phrases(whole)]
        described.append(_piece(piece, ask, whole.given, piece.chorale.fermatas, phrases))
    return {**_made(ask, decoder), "pieces": described}


def harmony_options(ask: Ask, decoder: Decoder | None = None, rules: Rules | None = None) -> HarmonyOptions:
    """Translate the options of an ask to those of `bachlit harmonize`."""
    typed = ask.options.get
    return HarmonyOptions(
        voices=typed("voice"),
        part=typed("part"),
        bars=typed("bars"),
        rhythm=typed("rhythm", ()),
        phrases=typed("phrases", "auto"),
        chords=typed("chords"),
        figured_bass=typed("figured_bass"),
        transpose=typed("transpose", 0),
        key=typed("key"),
        beat=typed("beat", "auto"),
        num=typed("num", 1),
        decoder=decoder,
        style=typed("style", "chorale"),
        rules=rules or Rules(),
        ranges=typed("ranges"),
        strict=typed("strict", False),
        seed=typed("seed", 0),
        keep_parts=typed("keep_parts", False),
    )


def refuse_long(chorale: Chorale) -> None:
    """Refuse a score that is too long.

    Raises:
        RefusedError: If it has more than `MOST_FRAMES` sixteenths.
    """
    if chorale.num_frames > MOST_FRAMES:
        raise RefusedError(
            "invalid",
            f"{chorale.name[:60]} has {chorale.num_frames} sixteenths; expected at most {MOST_FRAMES}; send a part "
            "of it, or use the command line.",
        )


def _made(ask: Ask, decoder: Decoder) -> dict[str, Any]:
    """Name the model, the seed and the decoder of pieces."""
    return {
        "model": ask.options.get("checkpoint", ask.model),
        "seed": ask.options.get("seed", 0),
        "decoder": type(decoder).__name__,
    }


def _decoder(ask: Ask) -> Decoder | None:
    """Make the decoder of an ask; None if it names none."""
    if "decoder" not in ask.options:
        return None
    warmth = {"temperature": ask.options["temperature"]} if "temperature" in ask.options else {}
    decoder: Decoder = getattr(decoding, ask.options["decoder"])(**warmth)
    return decoder


def _rules(ask: Ask) -> Any:
    """Check the names of rules: only those that ship are known."""
    rules = ask.options.get("rules")
    known = ("all", *built_in_rules())
    unknown = [name for name in rules if name not in known] if isinstance(rules, dict) else []
    if unknown:
        raise RefusedError(
            "invalid", f"There is no rule {shown(unknown[0])}; expected one of {', '.join(known)}; correct it."
        )
    return rules


def _given(ask: Ask, options: HarmonyOptions) -> Prompt:
    """Choose the given cells of a score or of notes, and add those on hold."""
    tune = ask.options.get("tune")
    score: ScoreBytes | Chorale
    lead = None if ask.melody is None else ask.melody.lead
    if ask.melody is not None:
        score = ask.melody.chorale()
    else:
        score = ScoreBytes(ask.name, ask.score or b"")
        if ask.hold:
            score, lead = read_chorale(score, tune=tune, keep_parts=options.keep_parts), VOICES[0]
    if lead is not None and options.bars is None and options.voices is None:
        options = dataclasses.replace(options, voices=[lead])
    prompt = options.given(score, tune)
    refuse_long(prompt.chorale)
    return holding(prompt, ask.hold) if ask.hold else prompt


def _num_tokens(num_frames: int, decoder: Decoder) -> int:
    """Count the steps of a decoding: Gibbs passes through the piece once more each round."""
    rounds: int = getattr(decoder, "rounds", 0)
    return num_frames * (len(VOICES) + 1) * (1 + rounds)


def _piece(written: Written, ask: Ask, given: BoolArray, heard: BoolArray, phrases: Sequence[int]) -> dict[str, Any]:
    """Describe a piece and its faults.

    Args:
        written: The piece.
        ask: How it is shown.
        given: (T, 4) the cells that were given.
        heard: (T,) the phrase ends that the model heard.
        phrases: Frames in which their last notes begin.
    """
    chorale = written.chorale
    sheet = Sheet.written(chorale, look_of(ask))
    profile = ask.options.get("profile", "school")
    ends: list[int] = np.flatnonzero(fermata_notes(dataclasses.replace(chorale, fermatas=heard))).tolist()
    faults = find_faults(chorale, profile=profile, ends=ends)
    return {
        **piece_of(chorale, sheet, ask.options.get("width", WIDTH), given=given, phrases=phrases),
        **merits_of(written),
        "faults": faults_of(chorale, faults, profile, sheet),
    }
