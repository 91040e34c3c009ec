"""Answers: music as the commands make it, as files and as plain data."""

import base64
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import TUNE, Watched, answered, asked
from fits import TWINKLE
from handwritten import line, score

from bachlit.__main__ import main
from bachlit.checking import check
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import VOICES, Chorale, cut
from bachlit.scores import ScoreBytes, read_chorale, to_musicxml
from bachlit.serving.answers import answer, warm
from bachlit.serving.catalogue import catalogue
from bachlit.serving.files import file_of
from bachlit.serving.refusals import RefusedError

MUSICXML, MIDI = "application/vnd.recordare.musicxml+xml", "audio/midi"
FILES = {".musicxml": MUSICXML, ".mid": MIDI, ".svg": "image/svg+xml", ".wav": "audio/wav"}


def words_of(options: dict[str, str]) -> list[str]:
    """Options as a terminal has them."""
    named = {**options, "decoder.temperature": options["temperature"]} if "temperature" in options else options
    return [f"--{name}={value}" for name, value in named.items() if name != "temperature"]


@pytest.fixture
def commanded(with_a_small_default: None, in_a_folder_of_its_own: Path) -> Any:
    """Write files by the command line: a function of its words."""

    def run(*words: str) -> dict[str, bytes]:
        assert main([*words, "--output", "out/"]) == 0
        return {path.suffix: path.read_bytes() for path in sorted(Path("out").iterdir())}

    return run


@pytest.mark.parametrize(
    "options",
    [
        {"decoder": "Greedy"},
        {"decoder": "Sampling", "temperature": "0.7", "seed": "7", "transpose": "2", "layout": "closed"},
        {"decoder": "Greedy", "key": "F major", "rules.NoHidden": "0", "ranges": "tenor:C3-F4", "label": "roman"},
        {"decoder": "Greedy", "voice": "bass", "figured_bass": "6", "phrases": "1", "style": "plain", "beat": "half"},
    ],
)
def test_files_are_those_of_the_command(commanded: Any, framed_model: LanguageModel, options: dict[str, str]) -> None:
    files = commanded("harmonize", str(TWINKLE), "--wav", *words_of(options))
    for ending in (".musicxml", ".mid", ".wav"):
        sent = answered(
            framed_model, "harmonize", TWINKLE.read_bytes(), accept=FILES[ending], name="twinkle.musicxml", **options
        )
        assert sent == files[ending], ending
    [piece] = answered(framed_model, "harmonize", TWINKLE.read_bytes(), name="twinkle.musicxml", **options)["pieces"]
    assert piece["musicxml"].encode() == files[".musicxml"]
    assert base64.b64decode(piece["midi"]) == files[".mid"]


def test_composed_files_are_those_of_the_command(commanded: Any, framed_model: LanguageModel) -> None:
    files = commanded("compose", "--bars=4", "--seed=5", "--rules=none")
    options = {"bars": 4, "seed": 5, "rules": "none"}
    assert answered(framed_model, "compose", options, accept=MUSICXML) == files[".musicxml"]
    [piece] = answered(framed_model, "compose", options)["pieces"]
    assert base64.b64decode(piece["midi"]) == files[".mid"]
    assert not any(note["given"] for note in piece["notes"])


def test_pictures_and_prints_are_answered(framed_model: LanguageModel) -> None:
    for action in ("harmonize", "render"):
        sent = {name: value for name, value in TUNE.items() if action == "harmonize" or name != "decoder"}
        drawn = answered(framed_model, action, {**sent, "width": 500}, accept="image/svg+xml")
        assert re.match(rb'<svg [^>]*\bwidth="500', drawn)
        assert answered(framed_model, action, {**sent, "paper": "letter"}, accept="application/pdf")[:5] == b"%PDF-"


def assert_tells_itself(piece: dict[str, Any]) -> None:
    """Every voice's notes are those of its line, and all that is drawn is listed once."""
    for voice, own in piece["voices"].items():
        starts = [sum(ticks for _, ticks in own[:place]) for place in range(len(own) + 1)]
        written = [(pitch, *span) for (pitch, _), span in zip(own, pairwise(starts), strict=True) if pitch is not None]
        notes = [note for note in piece["notes"] if note["voice"] == voice]
        assert [(note["pitch"], note["from"], note["to"]) for note in notes] == written
        assert starts[-1] == piece["ticks"]
    listed = [name for note in piece["notes"] for name in note["ids"]]
    drawn = re.findall(r'<g id="([^"]+)" class="note"', piece["svg"])
    assert sorted(listed) == sorted(drawn)
    assert [bar["from"] for bar in piece["bars"][1:]] == [bar["to"] for bar in piece["bars"][:-1]]
    assert piece["svg"].count('class="measure"') == len(piece["bars"])
    assert piece["bars"][-1]["to"] == piece["ticks"]


def test_a_piece_tells_where_its_notes_are(framed_model: LanguageModel) -> None:
    tune = {**TUNE, "num": 2, "pickup": 480, "phrases": [0, "1.3"], "profile": "bach"}
    answer = answered(framed_model, "harmonize", tune)
    assert answer["phrases"] == ["0", "1.3"]
    for piece in answer["pieces"]:
        assert_tells_itself(piece)
        assert piece["voices"]["soprano"] == TUNE["notes"]
        assert {note["voice"] for note in piece["notes"] if note["given"]} == {"soprano"}
        assert piece["phrases"] == [0, 1440]
        assert (piece["pickup"], piece["key"], piece["bars"][0]["number"]) == (480, "G major", "0")
        ids = {name for note in piece["notes"] for name in note["ids"]}
        assert all(set(fault["ids"]) <= ids and fault["ids"] and fault["why"] for fault in piece["faults"])


def test_bars_anew_keep_all_else_and_what_is_held(framed_model: LanguageModel, bach: list[Chorale]) -> None:
    piece = answered(framed_model, "render", to_musicxml(cut(bach[0], 0, 48)).encode())
    sent = {"metre": piece["metre"], "pickup": piece["pickup"], "fifths": piece["fifths"], "mode": piece["mode"]}
    options = {"bars": 2, "hold": [["bass", 0, piece["ticks"]]], "decoder": "Sampling", "seed": 1}
    anew = answered(framed_model, "harmonize", {**sent, "voices": piece["voices"], **options})["pieces"][0]
    [bar] = [bar for bar in piece["bars"] if bar["number"] == "2"]
    for voice in VOICES:
        own, new = ([n for n in one["notes"] if n["voice"] == voice] for one in (piece, anew))
        outside = [
            [n["pitch"] for n in notes if n["to"] <= bar["from"] or n["from"] >= bar["to"]] for notes in (own, new)
        ]
        assert outside[0] == outside[1]
        assert any(not n["given"] for n in new) == (voice != "bass")
    assert anew["voices"]["bass"] == piece["voices"]["bass"]
    score = {"score": piece["musicxml"], "voice": "soprano", "hold": options["hold"], "decoder": "Greedy"}
    held = answered(framed_model, "harmonize", score)["pieces"][0]
    assert {voice: held["voices"][voice] for voice in ("soprano", "bass")} == {
        voice: piece["voices"][voice] for voice in ("soprano", "bass")
    }


def test_a_score_comes_back_as_it_is(framed_model: LanguageModel, bach: list[Chorale]) -> None:
    music = to_musicxml(bach[3])
    piece = answered(framed_model, "render", music.encode(), name="bach.musicxml")
    assert_tells_itself(piece)
    assert piece["lead"] == "soprano"
    assert piece["musicxml"].startswith(music)
    assert all(note["given"] for note in piece["notes"])
    held = [tick // 120 for first, end in piece["fermatas"] for tick in range(first, end, 120)]
    assert held == np.flatnonzero(bach[3].fermatas).tolist() != []
    tune = {name: value for name, value in TUNE.items() if name != "decoder"} | {"voice": "alto"}
    alone = answered(framed_model, "render", tune)
    assert_tells_itself(alone)
    assert (alone["lead"], alone["voices"]) == ("alto", {"alto": TUNE["notes"]})


def test_a_score_keeps_its_staves_unless_others_are_asked_for(framed_model: LanguageModel) -> None:
    [piece] = answered(framed_model, "harmonize", {**TUNE, "layout": "closed"})["pieces"]
    for layout, staves in (({}, 2), ({"layout": "open"}, 4)):
        shown = answered(framed_model, "render", piece["musicxml"].encode(), **layout)
        assert shown["musicxml"].count("<score-part ") == staves


@pytest.mark.parametrize("action", ["harmonize", "render"])
def test_parts_that_are_no_voice_are_kept_if_asked(framed_model: LanguageModel, action: str) -> None:
    music = score([line("G4 A4 G4 G4")], [line("C6 C6 C6 C6")], names=["Soprano", "Flute"])
    kept = [
        answered(framed_model, action, music.encode(), voice="soprano", layout="open", accept=MUSICXML, **options)
        for options in ({}, {"keep_parts": "true"})
    ]
    assert [b"Flute" in one for one in kept] == [False, True]


def test_a_tempo_and_a_pickup_are_those_of_the_score(framed_model: LanguageModel) -> None:
    abc = b"X:1\nM:4/4\nL:1/4\nQ:1/4=100\nK:C\nG|CDEF|GFED|]\n"
    piece = answered(framed_model, "render", abc)
    assert (piece["tempo"], piece["pickup"]) == (100, 480)
    music = piece["musicxml"]
    assert 'measure number="0"' in music
    renumbered = answered(framed_model, "render", music.replace('measure number="0"', 'measure number="7"').encode())
    assert [bar["number"] for bar in renumbered["bars"]] == ["0", "1", "2"]  # by which `bars` finds them


def test_faults_are_those_of_the_check(framed_model: LanguageModel, bach: list[Chorale]) -> None:
    music = to_musicxml(bach[5]).encode()
    answer = answered(framed_model, "check", music, surprise="5")
    report = check(ScoreBytes("bach.musicxml", music), surprise=5, checkpoint=framed_model)
    assert_tells_itself(answer)
    assert [(fault["kind"], fault["bar"], fault["beat"]) for fault in answer["faults"]] == [
        (fault.kind, *fault.place) for fault in report.faults
    ]
    assert [note["note"] for note in answer["unlikely"]] == [note.note for note in report.unlikely]
    assert len(answer["beats"]) == len(report.beats) > 0
    assert report.faults
    assert all(note["ids"] for note in answer["unlikely"])


def test_parallels_name_the_notes_of_both_chords(framed_model: LanguageModel) -> None:
    steps = zip(VOICES, [(67, 69), (64, 65), (60, 57), (48, 50)], strict=True)
    voices = {voice: [[pitch, 960] for pitch in pitches] for voice, pitches in steps}
    answer = answered(framed_model, "check", {"voices": voices, "fifths": 0, "mode": "major"})
    [fault] = [fault for fault in answer["faults"] if fault["kind"] == "parallel_fifths"]
    outer = [note["ids"] for note in answer["notes"] if note["voice"] in ("soprano", "bass")]
    assert sorted(fault["ids"]) == sorted(name for ids in outer for name in ids)


@pytest.mark.parametrize(
    ("action", "body", "said"),
    [
        ("harmonize", b"no score", "tune.abc can't be read as a score"),
        ("harmonize", b"X:1\nK:C\nCDEF|\n\nX:2\nK:C\nG4|\n", "tune.abc holds 2 pieces"),
        ("harmonize", {"notes": [[60, 480]], "rules": {"NoSuch": 1}}, "There is no rule 'NoSuch'"),
        ("harmonize", {"notes": [[60, 480]], "phrases": "9"}, "There is no bar 9 for phrases"),
        ("harmonize", {"notes": [[60, 480]], "bars": 1}, "never sounds"),
        ("harmonize", {"notes": [[60, 480]], "chords": "C | nonsense"}, "nonsense"),
        ("harmonize", {"voices": {voice: [[60, 480]] for voice in VOICES}, "voice": [*VOICES]}, "All of the melody"),
        ("check", {"notes": [[60, 480]], "phrases": "9"}, "bar 9"),
        ("render", {"notes": [[60, 480]], "layout": "closed"}, "A closed score needs four parts"),
        *(
            (action, b"X:1\nL:1/4\nM:4/4\nK:C\n" + b"CDEF|" * 130, "has 2080 sixteenths; expected at most 2048")
            for action in ("harmonize", "render")
        ),
    ],
)
def test_wrong_music_is_refused_in_words(framed_model: LanguageModel, action: str, body: Any, said: str) -> None:
    with pytest.raises(RefusedError) as refused:
        answered(framed_model, action, body, **({"name": "tune.abc"} if isinstance(body, bytes) else {}))
    assert refused.value.code == "invalid"
    assert said in str(refused.value)
    assert "--" not in str(refused.value)
    assert not re.search(r"/\w+/", str(refused.value))


def test_warnings_are_told_once(framed_model: LanguageModel) -> None:
    answer = answered(framed_model, "harmonize", {**TUNE, "mode": None, "num": 2})
    assert answer["warnings"] == ["No mode of its key is written; heard as G major; mode says otherwise."]


def test_a_watch_is_told_how_many_tokens_there_are(framed_model: LanguageModel) -> None:
    watch = Watched()
    answer(asked("harmonize", TUNE, accept=MIDI), lambda _: framed_model, watch)
    assert watch.expected == 5 * 32


def test_a_worker_warms_up(framed_model: LanguageModel) -> None:
    warm(lambda _: framed_model)


def test_all_that_is_catalogued_is_understood(framed_model: LanguageModel) -> None:
    listed = catalogue(lambda _: framed_model, Watched())
    for decoder in listed["decoders"]:
        warmth = {"temperature": 1} if decoder["temperature"] else {}
        asked("compose", {"decoder": decoder["name"], **warmth})
    rules = {rule["name"]: 0 for rule in listed["rules"]}
    sent = {**TUNE, "rules": rules, "style": listed["styles"][0], "phrases": listed["phrases"][0]}
    assert answered(framed_model, "harmonize", sent, accept=MIDI)


def test_a_sound_that_takes_gigabytes_is_refused(framed_model: LanguageModel) -> None:
    music = to_musicxml(Chorale.from_pitches([[67, 64, 60, 48]] * 2048))
    slow = music.replace("<note>", '<sound tempo="10"/><note>', 1).encode()
    for body in ({"notes": [[60, 480]] * 512, "fifths": 0, "mode": "major", "tempo": 10}, slow):
        with pytest.raises(RefusedError, match="51 minutes; expected at most 15"):
            answered(framed_model, "render", body, accept=FILES[".wav"])
    with pytest.raises(RefusedError, match="51 minutes"):
        file_of(read_chorale(ScoreBytes("slow.musicxml", slow)), asked("harmonize", slow, accept=FILES[".wav"]))
