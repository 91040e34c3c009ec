"""Readings: scores shown or checked as they are."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bachlit import checking
from bachlit.errors import ScoreError
from bachlit.files.marks import seal
from bachlit.generation.phrasing import notes_ending_phrases
from bachlit.music.chorale import VOICES, Chorale
from bachlit.music.prompt import Prompt
from bachlit.rendering import wav
from bachlit.scores import ScoreBytes, read_chorale, read_voices, to_midi
from bachlit.serving.asks import Ask
from bachlit.serving.files import look_of, refuse_long_sound, score_of
from bachlit.serving.harmonies import harmony_options, refuse_long
from bachlit.serving.melodies import TICKS
from bachlit.serving.options import WIDTH
from bachlit.serving.pieces import faults_of, ids_at, piece_of, sounding
from bachlit.serving.sheets import Sheet

if TYPE_CHECKING:
    from bachlit.serving.answers import Models, Watch


def checked(ask: Ask, models: "Models", _: "Watch") -> dict[str, Any]:
    """Check the part-writing of two to four voices."""
    typed = ask.options.get
    surprise = typed("surprise", 0.0)
    score = ScoreBytes(ask.name, ask.score or b"") if ask.melody is None else ask.melody.chorale()
    report = checking.check(
        score,
        profile=typed("profile", "school"),
        phrases=typed("phrases", "given"),
        ranges=typed("ranges"),
        tune=typed("tune"),
        key=typed("key"),
        surprise=surprise,
        checkpoint=models(typed("checkpoint")) if surprise else None,
    )
    chorale = report.chorale
    refuse_long(chorale)
    sheet = _sheet(chorale, ask)
    ends = notes_ending_phrases(Prompt.voices(chorale)) if report.ends is None else None
    phrases = [note.start for note in ends] if ends is not None else [*(report.ends or ())]
    return {
        "profile": report.profile,
        **piece_of(chorale, sheet, typed("width", WIDTH), phrases=phrases),
        "faults": faults_of(chorale, report.faults, report.profile, sheet),
        "unlikely": [
            {**note.as_dict(), "from": note.frame * TICKS, "ids": ids_at(sheet, note.voice, note.frame)}
            for note in report.unlikely
        ],
        "beats": [{"from": beat.start * TICKS, "to": beat.end * TICKS, "nats": beat.nats} for beat in report.beats],
    }


def rendered(ask: Ask, _: "Models", __: "Watch") -> dict[str, Any] | bytes:
    """Show one to four voices as they are."""
    options = harmony_options(ask)
    voices = options.voices
    if ask.melody is not None:
        chorale = ask.melody.chorale()
        chorale = chorale.only(*voices) if voices else chorale
    else:
        chorale = _read(ask)
    refuse_long(chorale)
    lead = ask.melody.lead if ask.melody is not None else sounding(chorale)[0]
    given = Prompt.voices(chorale, *sounding(chorale))
    prompt = options.heard(given)
    chorale = prompt.chorale
    sheet = _sheet(chorale, ask)
    if ask.form not in ("json", "events"):
        return _file(chorale, sheet, ask)
    phrases = [note.start for note in notes_ending_phrases(prompt)]
    return {"lead": lead, **piece_of(chorale, sheet, ask.options.get("width", WIDTH), phrases=phrases)}


def _read(ask: Ask) -> Chorale:
    """Read the four voices of a score; fewer if named, or if it has no four."""
    score, typed = ScoreBytes(ask.name, ask.score or b""), ask.options.get
    keep_parts = typed("keep_parts", False)
    if typed("voice") is None and typed("part") is None:
        with suppress(ScoreError):
            return read_chorale(score, tune=typed("tune"), keep_parts=keep_parts)
    return read_voices(score, typed("voice"), part=typed("part"), tune=typed("tune"), keep_parts=keep_parts)


def _sheet(chorale: Chorale, ask: Ask) -> Sheet:
    """Write a score in its own layout, or in the one of the options."""
    voices = sounding(chorale)
    if len(voices) == len(VOICES) and not {"layout", "label"} & ask.options.keys():
        return Sheet.own(chorale)
    return Sheet.written(chorale, look_of(ask), voices)


def _file(chorale: Chorale, sheet: Sheet, ask: Ask) -> bytes:
    """Make a file of a score as it is."""
    if ask.form == "wav":
        tempo = ask.options.get("tempo")
        refuse_long_sound(chorale, tempo)
        return seal(wav(chorale, tempo=tempo), ".wav")
    if ask.form == "mid":
        return seal(to_midi(chorale, voices=sounding(chorale)), ".mid")
    return score_of(sheet.music, chorale.title, ask)
