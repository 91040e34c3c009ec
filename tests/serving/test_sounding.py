"""The page's parts that sound and draw: every note once and in time, and a picture is nothing but a picture."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import beside, needs_browser
from service import Service

pytestmark = needs_browser

VOICES = {"soprano": 72, "alto": 65, "tenor": 57, "bass": 48}
ORGAN = {"partials": [1, 0.5], "attack": 0.02, "release": 0.06, "fermata_stretch": 1.5}
QUARTERS, TICKS = 12, 480
GRID = 640  # parts of a second on which all notes of the loop begin
# Oscillators that sound: one that is stopped before it starts doesn't.
SPY = """
window.record = [];
const { start, stop } = OscillatorNode.prototype;
OscillatorNode.prototype.start = function (time) {
  this.record = { pitch: Math.round(69 + 12 * Math.log2(this.frequency.value / 440)), start: time };
  record.push(this.record);
  start.call(this, time);
};
OscillatorNode.prototype.stop = function (time) {
  this.record.stop = Math.max(time, this.context.currentTime);
  stop.call(this, time);
};
window.ready = async (organ, piece) => {
  const { Player } = await import("/static/player.js");
  const player = new Player(organ);
  const lights = [];
  player.load(piece);
  player.addEventListener("light", ({ detail }) => lights.push(...detail.on.map((id) => ["on", id])));
  player.addEventListener("light", ({ detail }) => lights.push(...detail.off.map((id) => ["off", id])));
  const ended = new Promise((end) => player.addEventListener("end", end));
  record.length = 0;
  return { player, lights, ended, sounded: () => record.filter(({ start, stop }) => stop > start) };
};
window.later = (seconds) => new Promise((end) => setTimeout(end, 1000 * seconds));
"""


@pytest.fixture(scope="module")
def page(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with beside(tmp_path_factory.mktemp("downloads")) as browser:
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SPY})
        browser.get(f"{service.address}/")
        browser.find_element("css selector", "h1").click()  # browsers let a page sound after a click
        yield browser
        assert browser.get_log("browser") == []


def run(page: Any, script: str, *values: Any) -> Any:
    """Run a script that may wait; `values` are a, b and c in it."""
    return page.execute_async_script(
        "const done = arguments[arguments.length - 1], [a, b, c] = arguments;"
        f"(async () => {{ {script} }})().then(done, (error) => done(`failed: ${{error.stack}}`));",
        *values,
    )


def piece() -> dict[str, Any]:
    """Four voices with notes of different lengths and a fermata; all the alto's are tied."""
    notes = []
    for voice, pitch in VOICES.items():
        length = {"soprano": 480, "alto": 720, "tenor": 600, "bass": 240}[voice]
        for number, start in enumerate(range(0, QUARTERS * TICKS, length)):
            end = min(start + length, QUARTERS * TICKS)
            heads = [f"{voice}-{number}", f"{voice}-{number}-tied"] if voice == "alto" else [f"{voice}-{number}"]
            notes.append({"voice": voice, "pitch": pitch + number % 7, "from": start, "to": end, "ids": heads})
    notes.sort(key=lambda note: note["from"])
    return {"notes": notes, "ticks": QUARTERS * TICKS, "division": TICKS, "fermatas": [[1440, 1920]], "tempo": 480}


def spans(sounded: list[dict[str, float]]) -> list[tuple[float, float, float]]:
    """Pitches, starts and ends from the first note on, in seconds."""
    zero = min(one["start"] for one in sounded)
    return sorted((one["pitch"], round(one["start"] - zero, 4), round(one["stop"] - zero, 4)) for one in sounded)


def expected(music: dict[str, Any], first: int, end: int) -> list[tuple[float, float, float]]:
    """The same of the notes between two ticks: a fermata holds half as long again."""

    def seconds(tick: int) -> float:
        held = sum(min(max(tick - begin, 0), stop - begin) / 2 for begin, stop in music["fermatas"])
        return (tick + held) * 60 / music["tempo"] / TICKS

    zero = seconds(first)
    return sorted(
        (
            note["pitch"],
            round(seconds(max(note["from"], first)) - zero, 4),
            round(seconds(min(note["to"], end)) - zero, 4),
        )
        for note in music["notes"]
        if note["from"] < end and first < note["to"]
    )


def test_every_note_sounds_once_and_in_time(page: Any) -> None:
    music = piece()
    sounded, lights = run(
        page, "const { player, lights, ended, sounded } = await ready(a, b); player.play(); await ended;"
        "return [sounded(), lights];", ORGAN, music,
    )  # fmt: skip
    assert spans(sounded) == expected(music, 0, music["ticks"])
    heads = [head for note in music["notes"] for head in note["ids"]]
    assert Counter(map(tuple, lights)) == Counter((event, head) for event in ("on", "off") for head in heads)


def test_a_change_of_tempo_loses_and_doubles_nothing(page: Any) -> None:
    music = piece()
    sounded, lights = run(page, """
        const { player, lights, ended, sounded } = await ready(a, b);
        player.play();
        for (const tempo of [300, 900, 450, 700, 250, 800, 600]) { await later(0.13); player.tempo = tempo; }
        await ended;
        return [sounded(), lights];""", ORGAN, music)  # fmt: skip
    assert Counter(one["pitch"] for one in sounded) == Counter(note["pitch"] for note in music["notes"])
    assert len(lights) == 2 * sum(len(note["ids"]) for note in music["notes"])


def test_a_loop_plays_its_bars_and_no_others(page: Any) -> None:
    music = piece()
    first, end = 960, 2880
    sounded = run(page, """
        const { player, ended, sounded } = await ready(a, b);
        player.play({ from: c[0], to: c[1], loop: true });
        await later(1.2);
        player.loop(false);
        await ended;
        return sounded();""", ORGAN, music, [first, end])  # fmt: skip
    once = expected(music, first, end)
    length = max(stop for _, _, stop in once)
    zero = min(one["start"] for one in sounded)
    rounds: dict[int, list[tuple[float, float]]] = {}
    for one in sounded:
        number, begun = divmod(one["start"] - zero + 1e-6, length)
        rounds.setdefault(int(number), []).append((one["pitch"], round(begun * GRID)))
    assert len(rounds) >= 2
    for number in range(len(rounds)):
        assert sorted(rounds[number]) == sorted((pitch, round(start * GRID)) for pitch, start, _ in once)


def test_faders_and_stop_silence_what_sounds(page: Any) -> None:
    reached = run(page, """
        const { player } = await ready(a, { ...b, tempo: 20 });
        const samples = new Float32Array(2048);
        const reach = async (test) => {
          for (let tries = 0; tries < 200; tries++) {
            await later(0.05);
            meter.getFloatTimeDomainData(samples);
            if (test(Math.max(...samples.map(Math.abs)))) return true;
          }
          return false;
        };
        player.play();
        const loud = await reach((peak) => peak > 0.3);
        for (const voice of c) player.gain(voice, 0);
        const faded = await reach((peak) => peak < 1e-4);
        player.gain("alto", 1);
        const one = await reach((peak) => peak > 0.05);
        player.stop();
        return [loud, faded, one, await reach((peak) => peak < 1e-4)];""", ORGAN, piece(), list(VOICES))  # fmt: skip
    assert reached == [True, True, True, True]


def test_a_picture_is_nothing_but_a_picture(page: Any) -> None:
    picture = """
        <svg xmlns="http://www.w3.org/2000/svg" onload="window.run = 1"><script>window.run = 1</script>
          <defs><g id="glyph"><path d="M0 0"/></g></defs>
          <g id="tune" class="note" onclick="window.run = 1"><use href="#glyph"/><use href="//elsewhere/x#y"/></g>
          <foreignObject><p xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="window.run = 1"/></p>
          </foreignObject>
          <a href="javascript:window.run = 1"><text>words</text></a><image href="//elsewhere/x.png"/>
        </svg>"""
    drawn = run(page, """
        const { drawing } = await import("/static/drawing.js");
        const { svg, parts } = drawing(a);
        document.body.append(svg);
        await later(0.1);
        svg.remove();
        const named = [...svg.querySelectorAll("*")].map((one) => [one.localName, one.getAttributeNames().join(" ")]);
        return [window.run ?? null, parts.get("tune").getAttribute("data-id"), named];""", picture.strip())  # fmt: skip
    elements = [["defs", ""], ["g", "id"], ["path", "d"], ["g", "class data-id"], ["use", "href"], ["use", ""]]
    assert drawn == [None, "tune", elements]
    # Newer browsers tell that the page's policy stops such handlers as well.
    assert all("Executing inline event handler violates" in told["message"] for told in page.get_log("browser"))


def test_keys_of_a_keyboard_come_one_by_one(page: Any) -> None:
    played = [
        *([0, 0x90, 60, 64], [500, 0x90, 60, 0], [600, 0x91, 62, 1], [800, 0x90, 64, 9], [900, 0x80, 62, 0]),
        *([1000, 0xF8], [1300, 0x80, 64, 0]),
    ]
    heard = run(page, """
        const { listen } = await import("/static/keyboard.js");
        const input = {};
        navigator.requestMIDIAccess = async () => ({ inputs: new Map([["a", input]]) });
        const heard = [];
        const stop = await listen((midi, seconds) => heard.push([midi, seconds]), (midi) => heard.push(midi));
        for (const [timeStamp, ...data] of a) input.onmidimessage({ timeStamp, data });
        stop();
        return [heard, input.onmidimessage];""", played)  # fmt: skip
    assert heard == [[60, [60, 0.5], 62, [62, 0.2], 64, [64, 0.5]], None]
