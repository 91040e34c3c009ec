"""The page in a browser: tunes are written, harmonised, heard, changed and saved."""

import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
import pytest
from browsing import PEAK, asked, beside, forget, needs_browser, resized, until
from service import Service
from visiting import ESCAPE, LETTERS, UP, Page

from bachlit.music.chorale import VOICES, Chorale
from bachlit.scores import read_chorale

pytestmark = needs_browser

LINES = [32, 30, 31, 32, 33, 34, 35, 34, 33, 32, 34, 35]  # of white keys, C4 is 28
PITCHES = [67, 64, 65, 67, 69, 71, 72, 71, 69, 67, 71, 72]
LONG_TUNE = json.dumps({"version": 1, "tune": {
    "title": "", "fifths": 0, "mode": "major", "metre": "4/4", "pickup": 0, "source": None,
    "notes": [{"line": 30 + step % 7, "alter": 0, "ticks": 480, "end": False} for step in range(120)],
}})  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    downloads = tmp_path_factory.mktemp("downloads")
    with beside(downloads) as browser:
        yield browser, downloads


@pytest.fixture
def page(browser: tuple[Any, Path], service: Service) -> Iterator[Page]:
    """The page as at a first visit; nothing is logged, and no one else is asked."""
    shown = Page(*browser)
    resized(shown.browser, 1200)
    forget(shown.browser, service.address)
    shown.browser.get(f"{service.address}/")
    assert until(lambda: shown.find("#staff .note"))
    yield shown
    assert shown.browser.get_log("browser") == []
    own = (f"{service.address}/", f"blob:{service.address}/", "data:")
    assert [address for address in asked(shown.browser) if not address.startswith(own)] == []


def soprano(chorale: Chorale) -> list[int]:
    return chorale.pitches[chorale.onsets[:, 0], 0].tolist()


def test_twelve_notes_are_written_by_mouse(page: Page) -> None:
    page.click("#new")
    for line in LINES:
        x, top, bottom = page.run("""
            const [box, ...lines] = ['.caret', '.staff-line'].flatMap((css) =>
                [...document.querySelectorAll('#staff ' + css)].map((one) => one.getBoundingClientRect()));
            return [box.x, lines.at(-5).y, lines.at(-1).y];""")
        page.press(x + 2, top + (38 - line) / 8 * (bottom - top))
    assert page.notes() == [[line, 480] for line in LINES]
    page.browser.refresh()
    assert page.notes() == [[line, 480] for line in LINES]
    page.harmonise()
    assert soprano(page.piece()) == PITCHES


def test_twelve_notes_are_written_by_keys(page: Page) -> None:
    page.write()
    assert page.notes() == [[line, 480] for line in LINES]
    assert until(lambda: page.text("#said") == "C5 quarter, bar 3 beat 4")
    page.type("2.e" + UP)  # a dotted half, a step higher
    assert page.notes()[12:] == [[38, 1440]]
    page.undo()
    page.undo()
    assert page.notes() == [[line, 480] for line in LINES]


def test_a_bar_is_written_anew_and_the_rest_stays(page: Page) -> None:
    page.write()
    page.harmonise()
    before = page.piece()
    page.click(".score-bar", 1)
    page.hear("Written anew")
    after = page.piece()
    changed = (before.pitches != after.pitches).any(1) | (before.onsets != after.onsets).any(1)
    assert changed[16:32].any()
    assert not changed[:16].any()
    assert not changed[32:].any()
    page.click("#back")
    assert np.array_equal(page.piece().pitches, before.pitches)


def test_a_voice_that_is_held_stays(page: Page) -> None:
    page.write()
    page.harmonise()
    before = page.piece()
    page.click(".score-name[aria-label$=bass]")
    page.click("#rewrite")
    page.hear("Written anew")
    after = page.piece()
    for voice in (0, 3):
        assert np.array_equal(after.pitches[:, voice], before.pitches[:, voice])
        assert np.array_equal(after.onsets[:, voice], before.onsets[:, voice])
    assert not np.array_equal(after.pitches, before.pitches)


def test_a_piece_is_heard_and_its_notes_light_up(page: Page) -> None:
    page.write()
    page.harmonise()
    page.click("#play")
    assert page.text("#play") == "Stop"
    assert until(lambda: page.run(PEAK) > 0.01 and len(page.find("#score .lit")) >= len(VOICES))
    page.click("#play")
    assert page.text("#play") == "Play"
    assert until(lambda: page.run(PEAK) < 0.001)
    assert page.find("#score .lit") == []


def test_a_tune_that_another_takes_the_place_of_falls_silent(page: Page) -> None:
    page.click("#hear")
    assert page.text("#hear") == "Stop"
    page.click("#new")
    assert page.text("#hear") == "Hear the tune"


def test_every_note_sounds_once_and_lights_all_its_heads(page: Page) -> None:
    page.paste("X:1\nM:2/4\nL:1/4\nK:D\nFE|D2-|D2|]\n")
    assert until(lambda: [ticks for _, ticks in page.notes()] == [480, 480, 1920])
    page.harmonise()
    page.run("""
        window.started = [];
        const start = OscillatorNode.prototype.start;
        OscillatorNode.prototype.start = function (...when) { started.push(when[0]); start.apply(this, when); };
        window.lit = new Set();
        const note = ({target}) => target.classList.contains("lit") && lit.add(target);
        const watch = new MutationObserver((changes) => changes.forEach(note));
        watch.observe(document.querySelector("#score"), {subtree: true, attributeFilter: ["class"]});
        const tempo = document.querySelector("#tempo");
        tempo.value = tempo.max;
        tempo.dispatchEvent(new Event("input"));""")
    page.click("#play")
    assert until(lambda: page.text("#play") == "Play")
    chorale = page.piece()
    assert page.run("return started.length") == (chorale.onsets & (chorale.pitches > 0)).sum()
    assert page.run(
        "return lit.size === document.querySelectorAll('#score g.note').length && lit.size > started.length"
    )


def test_a_note_that_is_changed_is_held(page: Page) -> None:
    page.write()
    page.harmonise()
    before = page.piece()
    x, y = page.run("""
        const [, bar] = document.querySelectorAll("#score g.measure");
        const head = bar.querySelectorAll("g.staff")[1].querySelector("g.notehead");
        head.scrollIntoView({block: "center", behavior: "instant"});
        const {x, y, width, height} = head.getBoundingClientRect();
        return [x + width / 2, y + height / 2];""")
    page.press(x, y)
    page.hear("alto")
    page.click("#note-up")
    page.hear("alto")
    changed = page.piece()
    assert np.argwhere(changed.pitches != before.pitches)[0].tolist() == [16, 1]
    page.click("#note-done")
    assert page.run("return document.activeElement") == page.find(".score-bar")[1]
    page.click(".score-bar", 1)
    page.hear("Written anew")
    after = page.piece()
    assert after.pitches[16, 1] == changed.pitches[16, 1]
    assert not np.array_equal(after.pitches, changed.pitches)


def test_notes_of_the_score_are_found_by_keys(page: Page) -> None:
    page.write()
    page.harmonise()
    page.run("document.querySelectorAll('.score-bar')[1].focus()")
    page.type("a")
    assert page.hear("alto").endswith("bar 2 beat 1")
    page.type(ESCAPE)
    assert page.run("return document.activeElement.getAttribute('aria-label')") == "Bar 2: write anew"


def test_what_others_have_taken_the_place_of_gets_no_other(page: Page) -> None:
    page.write()
    page.harmonise()
    page.run("for (const id of ['harmonise', 'another']) document.getElementById(id).click()")
    page.hear("Harmonised")
    assert until(lambda: page.find("#score-work[hidden]"))
    assert len(page.find("[role=tab]")) == 1


def test_merit_is_told_where_it_is_known(page: Page) -> None:
    page.harmonise()
    assert page.text("[role=tab]").startswith("1merit")
    page.click("#new")
    page.type(LETTERS)
    page.run("document.querySelector('[name=style]').value = 'plain'")
    page.harmonise()
    assert page.text("[role=tab]") == "1"
    assert "merit" not in page.text("#about")


def test_beat_and_pitch_are_chosen(page: Page) -> None:
    page.paste("X:1\nM:6/8\nL:1/8\nK:G\nGAB cBA|G3 G3|]\n")
    page.run("""
        document.querySelector("#settings").voice.value = "bass";
        document.querySelector("#settings").beat.value = "quarter";
        document.querySelector("#settings").transpose.value = "auto";""")
    page.harmonise()
    assert "says otherwise" not in page.text("#warnings")
    before = page.piece()
    assert (before.pitches[:, 3] < 64).all()
    page.click(".score-bar")
    page.hear("Written anew", "Nothing else")
    assert "--beat quarter" in page.text("#command-line")
    assert np.array_equal(page.piece().pitches[:, 3], before.pitches[:, 3])


def test_harmonisations_stand_side_by_side(page: Page) -> None:
    page.write()
    page.harmonise()
    first = page.piece()
    page.click("#another")
    page.hear("Another")
    assert [tab.get_attribute("aria-selected") for tab in page.find("[role=tab]")] == ["false", "true"]
    assert not np.array_equal(page.piece().pitches, first.pitches)
    page.click("[role=tab]")
    assert np.array_equal(page.piece().pitches, first.pitches)


def test_a_midi_keyboard_writes_notes(page: Page) -> None:
    page.run("""
        window.keyboard = {};
        navigator.requestMIDIAccess = async () => ({inputs: new Map([["one", keyboard]])});""")
    page.click("#new")
    page.click("#midi")
    assert until(lambda: page.text("#midi") and page.find("#midi")[0].get_attribute("aria-pressed") == "true")
    for pitch in (60, 66, 67):
        for status in (0x90, 0x80):
            page.run("keyboard.onmidimessage({data: arguments[0], timeStamp: performance.now()})", [status, pitch, 80])
    assert page.notes() == [[28, 480], [31, 480], [32, 480]]


def test_what_is_saved_can_be_opened_again(page: Page) -> None:
    page.click("#new")
    page.click("#title")
    page.type("Twelve notes")
    page.click("#harmonise")
    assert until(lambda: "no note yet" in page.text("#problem"))
    page.type(LETTERS)
    page.harmonise()
    written, played = page.piece(), read_chorale(page.save("mid"))
    assert np.array_equal(written.pitches, played.pitches)
    assert written.title == "Twelve notes"
    with wave.open(str(page.save("wav"))) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        assert sound.getnframes() / sound.getframerate() > 8  # twelve quarters, 80 a minute
    assert np.abs(samples).max() > 1000
    document = pypdfium2.PdfDocument(page.save("pdf"))
    assert len(document) == 1
    assert "Twelve notes" in document[0].get_textpage().get_text_range()


def test_a_file_with_several_voices_comes_back(page: Page, four_parts: Chorale, tmp_path: Path) -> None:
    page.find("#file")[0].send_keys(str(tmp_path / "four.musicxml"))
    assert until(lambda: "four.musicxml holds soprano, alto, tenor and bass" in page.text("#source"))
    page.harmonise()
    assert np.array_equal(page.piece().pitches[:, 0], four_parts.pitches[:, 0])
    page.click("#source button")
    assert page.find("#staff")[0].is_displayed()
    assert len(page.notes()) == 32


def test_a_file_that_is_being_opened_is_what_is_harmonised(page: Page) -> None:
    page.paste("X:1\nT:Pasted\nM:3/4\nL:1/4\nK:D\nDFA|d3|]\n")
    page.harmonise()
    assert page.piece().title == "Pasted"


def test_an_empty_file_is_called_so(page: Page, tmp_path: Path) -> None:
    (tmp_path / "none.abc").touch()
    page.find("#file")[0].send_keys(str(tmp_path / "none.abc"))
    assert until(lambda: page.text("#problem").startswith("none.abc is empty"))


def test_abc_is_pasted(page: Page) -> None:
    page.paste("X:1\nT:Pasted\nM:3/4\nL:1/4\nK:D\nDFA|d3|]\n")
    assert until(lambda: len(page.notes()) == 4)
    assert page.find("#title")[0].get_attribute("value") == "Pasted"
    assert page.find("#metre")[0].get_attribute("value") == "3/4"


def test_stop_stops_the_work(page: Page, service: Service) -> None:
    page.run("localStorage['bachlit.tune'] = arguments[0]", LONG_TUNE)
    page.browser.refresh()
    assert until(lambda: len(page.find("#staff .note")) >= 120)
    page.click("#harmonise")
    assert until(lambda: page.find("#work button"))
    assert until(lambda: service.health["busy"] == 1)
    page.click("#work button")
    assert until(lambda: service.health["busy"] == 0, seconds=10)  # of half a minute
    assert not page.find("#work")[0].is_displayed()


def test_everything_fits_a_phone(page: Page) -> None:
    resized(page.browser, 390, 844)
    page.browser.refresh()
    page.write()
    page.harmonise()
    for details in page.find("summary"):
        page.run("arguments[0].parentElement.open = true", details)
    assert page.run("return document.documentElement.scrollWidth") <= 390
    small = """
        return [...document.querySelectorAll("button, select, summary, input:not([type=file])")]
            .filter((one) => one.checkVisibility() && !one.closest(".score"))
            .filter((one) => (one.closest("label") ?? one).getBoundingClientRect().height < 24)
            .map((one) => one.outerHTML);"""
    assert page.run(small) == []
