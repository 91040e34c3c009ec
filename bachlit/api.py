"""Harmonise melodies and compose chorales: `harmonize` and `compose`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bachlit.decoding import Decoder, Rule, Rules, Sampling
from bachlit.errors import OptionError
from bachlit.generation.choices import Style
from bachlit.generation.composing import write_freely
from bachlit.generation.given import prompt_of, with_phrases
from bachlit.generation.harmonizing import harmonizer, rules_for
from bachlit.generation.limits import bars_between, refuse_num
from bachlit.generation.metre import Beat, told_beat
from bachlit.generation.requests import Request, refuse_request
from bachlit.generation.written import Written
from bachlit.models.calibration import Calibration, calibration_of
from bachlit.models.language_model import LanguageModel
from bachlit.models.shipped import PRETRAINED
from bachlit.music.chorale import Chorale, Voice
from bachlit.music.prompt import Prompt

COMPOSER = Sampling(temperature=0.9)
"""The default decoder of `compose`."""

_TOGETHER = 8192  # sixteenths composed in a batch, which take up to half a gigabyte


def harmonize(
    melody: str | Path | Chorale | Prompt,
    *,
    voice: Voice | Sequence[Voice] | None = None,
    part: str | int | None = None,
    tune: str | int | None = None,
    bars: int | tuple[int, int] | None = None,
    rhythm: Voice | Sequence[Voice] = (),
    phrases: str = "auto",
    decoder: Decoder | None = None,
    style: Style = "chorale",
    rules: Rules | Rule | None = None,
    strict: bool = False,
    beat: Beat = "auto",
    seed: int = 0,
    checkpoint: str | Path | LanguageModel | None = None,
) -> Chorale:
    """Harmonise a melody, or complete other given voices or bars, in four voices.

    Given notes come back unchanged, in their key, metre, rhythm and title; written as MusicXML, the given parts come
    back as the score has them.

    Args:
        melody: A score in MusicXML, MXL, MIDI, ABC, kern or MEI; a chorale; or a prompt, which says itself what is
            given.
        voice: The voice or voices that are given. If None, all that the score has; of four, the soprano.
        part: The part with the given voice, by its name, or its number from the top.
        tune: The tune of a book of tunes, by its number or title.
        bars: A bar, or the first and the last, of a four-part score: they are composed anew, all else is given, and in
            them only `voice`, if any. Bar 1 is the first full one, a pickup is bar 0.
        rhythm: The voice or voices of which only the rhythm is given.
        phrases: Phrase ends that the model hears: `auto` for the tune's fermatas, or found ones if it has none; `given`
            for its fermatas alone; `none` for none; or places, such as `4,8` for the last notes that begin in bars 4
            and 8 (a pickup is bar 0) and `2.3` for the note that sounds at beat 3 of bar 2. What is written keeps the
            tune's own fermatas.
        decoder: Chooses the notes. If None, a beam of two groups of 16, of whose best pieces the one with most merit is
            taken.
        style: Parts that move like Bach's (`chorale`), or note against note, for congregations (`plain`).
        rules: What the free notes must keep, hard or soft; None for the style's usual rules, `Rules()` for none. Where
            they can't be kept, the last gives way first, with a warning.
        strict: Raise where a rule would have to give way.
        beat: The note value that counts as a beat: an eighth in 6/8, a half note in 3/2, in most tunes a quarter. If
            auto, it is chosen from metre and note lengths, and told where it is no quarter.
        seed: The same seed gives the same result.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or a loaded model; the one that
            ships with the package if None.

    Returns:
        The four voices.

    Raises:
        ScoreError: If the melody can't be read.
        PromptError: If a given voice only rests or has no rhythm to keep, there are no such bars, or
            nothing is left to write.
        DeadEndError: If the rules leave nothing to choose and are strict.
        OptionError: If a voice's name is none, a prompt comes with what chooses from a score, no note is at the place
            of a phrase end, or something given is too short for the beat.
        CheckpointError: If the checkpoint can't be used.

    >>> tune = Chorale.from_pitches([[pitch, 0, 0, 0] for pitch in (67, 67, 69, 71, 72, 72) for _ in range(4)])
    >>> chorale = harmonize(tune)
    >>> bool((chorale.pitches[:, 0] == tune.pitches[:, 0]).all() and (chorale.pitches > 0).all())
    True
    """
    if not isinstance(melody, Prompt):
        prompt = prompt_of(melody, voice=voice, part=part, tune=tune, bars=bars, rhythm=rhythm)
    elif voice is None and part is None and tune is None and bars is None and not rhythm:
        prompt = melody
    else:
        raise OptionError(
            "A prompt says what is given; expected it alone; leave out voice, part, tune, bars and rhythm."
        )
    [written] = harmonize_several(
        prompt,
        1,
        phrases=phrases,
        decoder=decoder,
        style=style,
        rules=rules,
        strict=strict,
        beat=beat,
        seed=seed,
        checkpoint=checkpoint,
    )
    return written.chorale


def harmonize_several(
    prompt: Prompt,
    num: int,
    *,
    phrases: str = "auto",
    decoder: Decoder | None = None,
    style: Style = "chorale",
    rules: Rules | Rule | None = None,
    strict: bool = False,
    beat: Beat = "auto",
    seed: int = 0,
    checkpoint: str | Path | LanguageModel | None = None,
) -> list[Written]:
    """Fill a prompt in several different ways, best first.

    Args:
        prompt: What is given.
        num: How many ways at most.
        phrases: Phrase ends that the model hears: `auto` for the tune's fermatas, or found ones if it has none; `given`
            for its fermatas alone; `none` for none; or places, such as `4,8` for the last notes that begin in bars 4
            and 8. Those of the prompt count if it has any.
        decoder: Chooses the notes. If None, a beam of 16 per way, each told to choose otherwise than those before it;
            for one way, the piece of most merit is taken of the best of two.
        style: Parts that move like Bach's (`chorale`), or note against note, for congregations (`plain`).
        rules: What the free notes must keep, hard or soft; None for the style's usual rules, `Rules()` for none. Where
            they can't be kept, the last gives way first, with a warning.
        strict: Raise where a rule would have to give way.
        beat: The note value that counts as a beat: an eighth in 6/8, a half note in 3/2, in most tunes a quarter. If
            auto, it is chosen from metre and note lengths, and told where it is no quarter.
        seed: The same seed gives the same result.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or a loaded model; the one that
            ships with the package if None.

    Returns:
        Pieces, ranked by merit: by the figures that a model's calibration weighs; without one, or with soft rules other
        than the usual, by log-probability minus what the rules cost.

    Raises:
        PromptError: If a given voice only rests, or nothing is left to write.
        DeadEndError: If the rules leave nothing to choose and are strict.
        OptionError: If `num` isn't from 1 to 10,000, or less for a long prompt, no note is at the place of a phrase
            end, or something given is too short for the beat.
        CheckpointError: If the checkpoint can't be used.
    """
    refuse_request(prompt, num)
    if style != "chorale" and rules is not None:
        raise OptionError(
            f"The style {style} stands for rules of its own; expected style or rules; leave one out, or add to "
            "bachlit.decoding.PLAIN."
        )
    model = _model(checkpoint)
    request = Request(
        model,
        with_phrases(prompt, phrases),
        num,
        decoder=decoder,
        rules=rules_for(decoder or harmonizer(num), style, model.calibration) if rules is None else Rules() & rules,
        strict=strict,
        beat=told_beat(prompt, beat),
        seed=seed,
    )
    [filled] = request.fill()
    filled.warn()
    return filled.pieces


def compose(
    num: int = 1,
    *,
    bars: int | None = None,
    min_bars: int = 8,
    max_bars: int = 40,
    decoder: Decoder | None = None,
    rules: Rules | Rule | None = None,
    strict: bool = False,
    seed: int = 0,
    checkpoint: str | Path | LanguageModel | None = None,
) -> list[Chorale]:
    """Compose chorales from nothing.

    Args:
        num: How many.
        bars: The length of every piece in bars of 4/4, instead of `min_bars` and `max_bars`.
        min_bars: Bars of 4/4 before which no piece ends, unless `max_bars` is less.
        max_bars: Bars of 4/4 after which every piece ends.
        decoder: Chooses the notes; sampling at temperature 0.9 if None.
        rules: What the notes must keep, hard or soft; None for the usual rules of part-writing, `Rules()` for none.
            Where they can't be kept, the last gives way first, with a warning.
        strict: Raise where a rule would have to give way.
        seed: The first piece's; the next has the next, so that a larger `num` adds pieces and changes none.
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or a loaded model; the one that
            ships with the package if None.

    Returns:
        The chorales.

    Raises:
        OptionError: If `num` isn't from 1 to 10,000, or the number of bars from 1 to 1,250.
        DeadEndError: If the rules leave nothing to choose and are strict.
        CheckpointError: If the checkpoint can't be used.
    """
    return list(compose_each(num, bars, min_bars, max_bars, decoder, rules, strict, seed, checkpoint))


def compose_each(
    num: int = 1,
    bars: int | None = None,
    min_bars: int = 8,
    max_bars: int = 40,
    decoder: Decoder | None = None,
    rules: Rules | Rule | None = None,
    strict: bool = False,
    seed: int = 0,
    checkpoint: str | Path | LanguageModel | None = None,
) -> Iterator[Chorale]:
    """Compose chorales one after another, with only a few in memory, as `compose` does.

    Args:
        num: How many.
        bars: The length of every piece in bars of 4/4, instead of `min_bars` and `max_bars`.
        min_bars: Bars of 4/4 before which no piece ends, unless `max_bars` is less.
        max_bars: Bars of 4/4 after which every piece ends.
        decoder: Chooses the notes; sampling at temperature 0.9 if None.
        rules: What the notes must keep, hard or soft; None for the usual rules of part-writing, `Rules()` for none.
        strict: Raise where a rule would have to give way.
        seed: The first piece's; the next has the next.
        checkpoint: A checkpoint, a run's name, a folder with a model, or a loaded model; the one that ships if None.

    Raises:
        BachlitError: As `compose` does, before the first chorale.
    """
    refuse_num(num, "chorales can't be composed")
    least, most = bars_between(bars, min_bars, max_bars)
    model, seeds = _model(checkpoint), range(seed, seed + num)
    together = max(1, _TOGETHER // (16 * most))
    for first in range(0, num, together):
        pieces = write_freely(
            model,
            decoder=decoder or COMPOSER,
            seeds=seeds[first : first + together],
            min_frames=max(1, 16 * least),
            max_frames=16 * most,
            rules=rules,
            strict=strict,
        )
        yield from (piece.chorale for piece in pieces)


def usual_rules(
    decoder: Decoder | None = None, *, style: Style = "chorale", checkpoint: str | Path | LanguageModel | None = None
) -> Rules:
    """Give the rules that `harmonize` keeps where it is told none, so that others can be added to them.

    Args:
        decoder: Chooses the notes; the default of `harmonize` if None. One that seeks the likeliest piece is rewarded
            for movement, too.
        style: Parts that move like Bach's (`chorale`), or note against note, for congregations (`plain`).
        checkpoint: A checkpoint of `bachlit fit`, a run's name, a folder with a model, or a loaded model, some of whose
            numbers may be its own; the one that ships with the package if None.

    Raises:
        CheckpointError: If the model's calibration is damaged.

    >>> from bachlit.decoding import Attack
    >>> rules = usual_rules() & Attack(0.1)
    """
    return rules_for(decoder or harmonizer(), style, calibration_for(checkpoint))


def calibration_for(checkpoint: str | Path | LanguageModel | None = None) -> Calibration:
    """Read the calibration of a model, of the one that ships if None; of a path, without loading the weights.

    Raises:
        CheckpointError: If it is damaged.
    """
    return checkpoint.calibration if isinstance(checkpoint, LanguageModel) else calibration_of(checkpoint or PRETRAINED)


def _model(checkpoint: str | Path | LanguageModel | None) -> LanguageModel:
    if isinstance(checkpoint, LanguageModel):
        return checkpoint
    if isinstance(getattr(checkpoint, "language_model", None), LanguageModel):
        raise OptionError(
            f"A {type(checkpoint).__name__} trains a model and isn't one; expected the model in it; give its attribute "
            "language_model."
        )
    return LanguageModel.load(checkpoint or PRETRAINED)
