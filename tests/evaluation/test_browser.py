"""The page in a browser without a network, where there is one: needs selenium, Chromium and its driver."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from bachlit.evaluation import HeldOut, evaluate, named, page
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut

webdriver = pytest.importorskip("selenium.webdriver")
DRIVER = shutil.which("chromedriver")

# What goes to the loudspeakers goes through a meter too.
METER = """
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    window.meter = this.context.meter = this.context.meter || this.context.createAnalyser();
    connect.call(this, this.context.meter);
  }
  return connect.call(this, to, ...rest);
};
"""
PEAK = """
const samples = new Float32Array(2048);
meter.getFloatTimeDomainData(samples);
return meter.context.state === "running" ? Math.max(...samples.map(Math.abs)) : 0;
"""


@pytest.mark.skipif(DRIVER is None, reason="no chromedriver")
def test_every_score_is_drawn_and_every_player_sounds_without_a_network(
    small_model: LanguageModel, bach: list[Chorale], tmp_path: Path
) -> None:
    pieces = HeldOut([cut(piece, 0, 32) for piece in bach[20:22]], bach[:6])
    about = {"fold": "valid", "bachlit": "0", "command": "bachlit evaluate"}
    (tmp_path / "index.html").write_text(page(evaluate({"m": small_model}, named("Greedy"), pieces, about=about)))
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        browser.execute_cdp_cmd("Network.enable", {})
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        browser.get((tmp_path / "index.html").as_uri())
        for card in browser.find_elements("css selector", "details"):
            browser.execute_script("arguments[0].open = true", card)
        drawn = "return [...document.images].filter(image => image.complete && image.naturalHeight > 100).length"
        assert until(lambda: browser.execute_script(drawn) == 4)
        browser.execute_script(METER)
        players = browser.find_elements("css selector", "button[aria-label^=Play]")
        assert len(players) == 4
        for player in players:
            browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", player)
            player.click()
            assert until(lambda: browser.execute_script(PEAK) > 0.01)
            assert player.text == "Stop"
        assert browser.get_log("browser") == []
    finally:
        browser.quit()


def until(true: Any, seconds: float = 20) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False
