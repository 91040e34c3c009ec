"""Clients of the service: the app that sends a folder of melodies, and the calls of the guide."""

import json
import re
import shlex
import shutil
import subprocess
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from inspect import Parameter, signature
from pathlib import Path

import numpy as np
import pytest
from fits import TWINKLE
from forking import python
from service import Service

from bachlit.commands.serve import serve
from bachlit.music.chorale import cut
from bachlit.scores import read_chorale, read_melody, write_midi, write_musicxml
from bachlit.serving.openapi import openapi
from bachlit.serving.refusals import STATUS

EXAMPLES = Path(__file__).parents[2] / "examples"
APP = EXAMPLES / "app.py"
GUIDE = (EXAMPLES / "serving.md").read_text(encoding="utf-8")
HERE = "http://127.0.0.1:8765"


def sent(folder: Path, url: str, *token: str) -> "subprocess.CompletedProcess[str]":
    """What the app says of the melodies in a folder; harmonies land beside it."""
    command = [python(), str(APP), str(folder), str(folder.with_name("harmonies")), url, *token]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def melodies(tmp_path: Path) -> Path:
    """A folder with a tune in two bars, another without sense, and a folder."""
    folder = tmp_path / "melodies"
    folder.mkdir()
    write_midi(cut(read_melody(TWINKLE), 0, 32), folder / "sad & slow é.mid")
    (folder / "broken.abc").write_text("no tune", encoding="utf-8")
    (folder / "older").mkdir()
    return folder


def test_the_app_saves_harmonies_with_sound(service: Service, melodies: Path) -> None:
    assert len(APP.read_text(encoding="utf-8").splitlines()) <= 40
    ended = sent(melodies, service.address)
    assert (ended.returncode, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert line.startswith("broken.abc: ")
    assert "expected" in line
    harmony = melodies.with_name("harmonies") / "sad & slow é.musicxml"
    tune, chorale = read_melody(melodies / "sad & slow é.mid"), read_chorale(harmony)
    assert np.array_equal(chorale.pitches[:, 0], tune.pitches[:, 0])
    assert (chorale.pitches > 0).all()
    with wave.open(str(harmony.with_suffix(".wav"))) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    assert np.abs(samples).max() > 1000
    assert len([*harmony.parent.iterdir()]) == 2


class Busy(BaseHTTPRequestHandler):
    """Is busy the first time; then refuses with the request's token."""

    tokens: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        busy = not self.tokens
        self.tokens.append(self.headers["Authorization"])
        self.send_response(503 if busy else 401)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(json.dumps({"error": "busy" if busy else "refused"}).encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def test_the_app_waits_for_a_busy_service(melodies: Path) -> None:
    (melodies / "broken.abc").unlink()
    Busy.tokens = []
    with HTTPServer(("127.0.0.1", 0), Busy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ended = sent(melodies, f"http://127.0.0.1:{server.server_port}", "the-token")
        server.shutdown()
    assert Busy.tokens == ["Bearer the-token"] * 2
    assert (ended.returncode, ended.stderr) == (2, "sad & slow é.mid: refused\n")


def test_the_app_says_that_no_service_runs(melodies: Path) -> None:
    ended = sent(melodies, "http://127.0.0.1:9")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == "broken.abc: no service answers at http://127.0.0.1:9"


def calls() -> Iterator[list[str]]:
    """Words of each call by curl in the guide."""
    for block in re.findall(r"^```bash\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("curl "):
                yield shlex.split(line, comments=True)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl")
def test_every_call_of_the_guide_is_answered(service: Service, tmp_path: Path) -> None:
    tune = cut(read_melody(TWINKLE), 0, 32)
    write_midi(tune, tmp_path / "tune.mid")
    quick = f"{service.address}/api/v1/harmonize?name=tune.mid&decoder=Greedy"
    subprocess.run(["curl", "-s", "--data-binary", "@tune.mid", "-H", "Accept: audio/midi", "-o", "chorale.mid", quick],
                   check=True, cwd=tmp_path)  # fmt: skip
    write_musicxml(read_chorale(tmp_path / "chorale.mid"), tmp_path / "chorale.musicxml")
    kinds = []
    for words in calls():
        local = [word.replace(HERE, service.address) for word in words[1:]]
        command = ["curl", "-s", "--fail-with-body", *local, "-w", "%{stderr}%{content_type}"]
        answered = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert answered.returncode == 0, (words, answered.stdout)
        kinds.append(answered.stderr.partition(";")[0])
    assert {"application/json", "text/event-stream", "application/pdf", "audio/wav"} == set(kinds)
    assert (tmp_path / "tune.wav").read_bytes()[:4] == b"RIFF"
    assert (tmp_path / "chorale.pdf").read_bytes()[:4] == b"%PDF"


def test_bodies_in_the_guide_are_answered_as_it_says(service: Service) -> None:
    [body] = re.findall(r"^```\n(\{.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    [piece] = service.ask("POST", "/api/v1/harmonize", json.loads(body)).json["pieces"]
    assert piece["voices"]["bass"][0] == [55, 960]
    given = [(note["voice"], note["from"]) for note in piece["notes"] if note["given"]]
    assert given == [("soprano", 0), ("bass", 0), ("soprano", 480), ("soprano", 960)]


def test_the_plugin_sends_what_the_service_reads(service: Service) -> None:
    """MuseScore itself was tried by hand: here stands a body as the plug-in sends it."""
    plugin = (EXAMPLES / "musescore" / "bachlit.qml").read_text(encoding="utf-8")
    body = {"notes": [[67, 480], [None, 480], [74, 960]], "division": 480, "metre": "3/4", "pickup": 480, "fifths": 1}
    literal = plugin.partition("return {notes:")[2].partition("}")[0]
    assert set(re.findall(r"(\w+): ", f"notes: {literal}")) == set(body)
    [piece] = service.ask("POST", "/api/v1/harmonize", body, content_type="application/json;charset=UTF-8").json[
        "pieces"
    ]
    assert {sum(ticks for _, ticks in notes) for notes in piece["voices"].values()} == {1920}


def column(first: str) -> list[str]:
    """First cells of the guide's table whose head begins so."""
    table = GUIDE.partition(f"\n| {first} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| (.*?) \|", table, re.MULTILINE)


def test_the_guide_lists_all_requests_refusals_and_options() -> None:
    paths = {f"{method.upper()} {path}" for path, one in openapi()["paths"].items() for method in one}
    assert {cell.strip("`") for cell in column("request")} == paths | {"GET /openapi.json"}
    rows = re.findall(r"^\| ([\d, ]+) \| (`.*?) \|", GUIDE, re.MULTILINE)
    assert {int(number) for numbers, _ in rows for number in numbers.split(", ")} == set(STATUS.values())
    assert {code for _, codes in rows for code in re.findall(r"`(\w+)`", codes)} == set(STATUS)
    options = dict(re.findall(r"`--(\w+) ?([\w.]*)`", " ".join(column("option"))))
    known = {name: one.default for name, one in signature(serve).parameters.items() if name != "modules"}
    assert options.keys() == known.keys()
    for name, default in known.items():
        if default not in (None, False, [], Parameter.empty):
            assert options[name] == f"{default:g}" if isinstance(default, float) else str(default)
