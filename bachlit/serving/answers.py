"""Answers: what a worker makes of an ask, with a model that is loaded once."""

import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from bachlit.errors import BachlitError
from bachlit.music.chorale import VOICES
from bachlit.serving.asks import FORMS, Ask
from bachlit.serving.melodies import holding
from bachlit.serving.options import WIDTH, plain, shown
from bachlit.serving.refusals import RefusedError
from bachlit.serving.settings import MOST_FRAMES

if TYPE_CHECKING:
    from bachlit.decoding import Decoder
    from bachlit.generation.options import HarmonyOptions
    from bachlit.generation.written import Written
    from bachlit.models.language_model import LanguageModel
    from bachlit.music.chorale import Chorale
    from bachlit.music.prompt import Prompt
    from bachlit.rendering.look import Look

_MEDIA = {form: media for media, form in FORMS.items()}

Models = Callable[[str | None], "LanguageModel"]
"""Loads a model by name, the default one if None; refuses unknown names."""


class Answer(NamedTuple):
    """Body of an answer and its media type."""

    content: bytes
    media_type: str


class Watch(Protocol):
    """Counts a decoding's steps, and may cancel it."""

    def model(self, model: "LanguageModel") -> "LanguageModel":
        """Return a model whose steps are counted."""

    def expect(self, num_tokens: int) -> None:
        """Tell how many steps there will be."""


def answer(ask: Ask, models: Models, watch: Watch) -> Answer:
    """Answer an ask, in a worker.

    Args:
        ask: From `read_ask`.
        models: Gives the models.
        watch: Watches what takes time.

    Raises:
        RefusedError: If the music or an option can't be.
    """
    answers = {"harmonize": _harmonized}
    try:
        with _noted() as sentences:
            made = answers[ask.action](ask, models, watch)
        if isinstance(made, bytes):
            return Answer(made, _MEDIA[ask.form])
        content = {"bachlit": version("bachlit"), **made, "warnings": list(dict.fromkeys(map(plain, sentences)))}
    except RefusedError:
        raise
    except BachlitError as error:
        raise RefusedError("invalid", plain(str(error))) from error
    return Answer(json.dumps(content, ensure_ascii=False, allow_nan=False).encode(), "application/json")


@contextmanager
def _noted() -> Iterator[list[str]]:
    """Note bachlit's warnings."""
    sentences: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield sentences
    sentences += [str(one.message) for one in caught if one.category.__module__.startswith("bachlit.")]


def _harmonized(ask: Ask, models: Models, watch: Watch) -> dict[str, Any] | bytes:
    """Harmonise a melody, or complete what else is given."""
    from bachlit.generation.harmonizing import harmonizer
    from bachlit.generation.phrasing import notes_ending_phrases, places_of_phrases

    model = models(ask.options.get("checkpoint"))
    options = _harmony(ask, model)
    request = options.request(watch.model(model), options.heard(_given(ask, options)))
    decoder = options.decoder or harmonizer(options.num)
    watch.expect(_num_tokens(request.num_frames, decoder))
    [filled] = request.fill()
    filled.warn()
    prompt = request.prompt
    if ask.form not in ("json", "events"):
        return _file(filled.pieces[0].chorale, ask)
    return {
        "model": ask.options.get("checkpoint", "bachlit"),
        "seed": options.seed,
        "decoder": type(decoder).__name__,
        "phrases": places_of_phrases(prompt),
        "pieces": [
            _piece(written, ask, prompt, [note.start for note in notes_ending_phrases(prompt)])
            for written in filled.pieces
        ],
    }


def _harmony(ask: Ask, model: "LanguageModel") -> "HarmonyOptions":
    """Make the options of the command of those of an ask."""
    from bachlit.generation.harmonizing import harmonizer
    from bachlit.generation.named_rules import rules_kept
    from bachlit.generation.options import HarmonyOptions

    typed = ask.options.get
    decoder, style, ranges = _decoder(ask), typed("style", "chorale"), typed("ranges")
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
        style=style,
        rules=rules_kept(_rules(ask), ranges, decoder or harmonizer(), style, model.calibration),
        ranges=ranges,
        strict=typed("strict", False),
        seed=typed("seed", 0),
        keep_parts=typed("keep_parts", False),
    )


def _decoder(ask: Ask) -> "Decoder | None":
    """Make the decoder that is named, if one is."""
    from bachlit import decoding

    if "decoder" not in ask.options:
        return None
    warmth = {"temperature": ask.options["temperature"]} if "temperature" in ask.options else {}
    decoder: Decoder = getattr(decoding, ask.options["decoder"])(**warmth)
    return decoder


def _rules(ask: Ask) -> Any:
    """Numbers of rules as typed; only rules that ship are known."""
    from bachlit.generation.named_rules import built_in_rules

    rules = ask.options.get("rules")
    known = ("all", *built_in_rules())
    unknown = [name for name in rules if name not in known] if isinstance(rules, dict) else []
    if unknown:
        raise RefusedError(
            "invalid", f"There is no rule {shown(unknown[0])}; expected one of {', '.join(known)}; correct it."
        )
    return rules


def _given(ask: Ask, options: "HarmonyOptions") -> "Prompt":
    """Choose which cells are given: of a score or of notes, with what is held beside them."""
    import dataclasses

    from bachlit.scores import ScoreBytes, read_chorale

    tune = ask.options.get("tune")
    score: ScoreBytes | Chorale
    if ask.melody is not None:
        score = ask.melody.chorale()
        if options.bars is None and options.voices is None:
            options = dataclasses.replace(options, voices=[ask.melody.lead])
    else:
        assert ask.score is not None
        score = ScoreBytes(ask.name, ask.score)
        if ask.hold:
            score = read_chorale(score, tune=tune, keep_parts=options.keep_parts)
            if options.bars is None and options.voices is None:
                options = dataclasses.replace(options, voices=["soprano"])
    prompt = options.given(score, tune)
    _refuse_long(prompt.chorale)
    return holding(prompt, ask.hold) if ask.hold else prompt


def _refuse_long(chorale: "Chorale") -> None:
    if chorale.num_frames > MOST_FRAMES:
        raise RefusedError(
            "invalid",
            f"{chorale.name[:60]} has {chorale.num_frames} sixteenths; expected at most {MOST_FRAMES}; send a part "
            "of it, or harmonise it by the command line.",
        )


def _num_tokens(num_frames: int, decoder: "Decoder") -> int:
    """Count the steps of a decoding; Gibbs goes through the piece once more each round."""
    rounds: int = getattr(decoder, "rounds", 0)
    return num_frames * (len(VOICES) + 1) * (1 + rounds)


def _look(ask: Ask) -> "Look":
    from bachlit.rendering.look import Look

    typed = ask.options.get
    return Look(typed("layout", "open"), typed("label"), typed("paper", "a4"))


def _file(chorale: "Chorale", ask: Ask) -> bytes:
    """Make the file that the command line writes."""
    from bachlit.files.marks import seal
    from bachlit.rendering import svg_of
    from bachlit.rendering.output import contents

    look, ending = _look(ask), f".{ask.form}"
    if ask.form == "svg" and "width" in ask.options:
        return seal(svg_of(look.music(chorale), title=chorale.title, width=ask.options["width"]).encode(), ending)
    [(_, content)] = contents(chorale, [Path(f"piece{ending}")], look=look)
    return seal(content, ending)


def _piece(written: "Written", ask: Ask, prompt: "Prompt", phrases: Sequence[int]) -> dict[str, Any]:
    """Describe a piece and its faults."""
    import dataclasses

    import numpy as np

    from bachlit.checking.faults import find_faults
    from bachlit.metrics.cadences import fermata_notes
    from bachlit.serving.pieces import faults_of, merits_of, piece_of
    from bachlit.serving.sheets import Sheet

    chorale = written.chorale
    sheet = Sheet(chorale, _look(ask))
    profile = ask.options.get("profile", "school")
    heard = dataclasses.replace(chorale, fermatas=prompt.heard.fermatas)
    ends: list[int] = np.flatnonzero(fermata_notes(heard)).tolist()
    faults = find_faults(chorale, profile=profile, ends=ends)
    return {
        **piece_of(chorale, sheet, ask.options.get("width", WIDTH), given=prompt.given, phrases=phrases),
        **merits_of(written),
        "faults": faults_of(chorale, faults, profile, sheet),
    }
