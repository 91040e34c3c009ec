"""A browser without a network, where there is one: needs selenium, Chromium and its driver."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

DRIVER = shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(not (DRIVER and find_spec("selenium")), reason="no selenium or chromedriver")

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


@contextmanager
def offline(page: Path) -> Iterator[Any]:
    """A browser that shows a page without a network."""
    from selenium import webdriver  # noqa: PLC0415  # where there is one

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        cut = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        browser.execute_cdp_cmd("Network.enable", {})
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", cut)
        browser.get(page.as_uri())
        yield browser
        assert browser.get_log("browser") == []
    finally:
        browser.quit()


def check_pictures(browser: Any, number: int) -> None:
    """Check that as many pictures are drawn."""
    drawn = "return [...document.images].filter(image => image.complete && image.naturalHeight > 100).length"
    assert until(lambda: browser.execute_script(drawn) == number)


def check_players(browser: Any, number: int) -> None:
    """Check that as many players sound when they are clicked, one at a time."""
    browser.execute_script(METER)
    players = browser.find_elements("css selector", "button[aria-label^=Play]")
    assert len(players) == number
    for player in players:
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", player)
        player.click()
        assert until(lambda: browser.execute_script(PEAK) > 0.01)
        assert [one.text for one in players].count("Stop") == 1
        assert player.text == "Stop"


def until(true: Any, seconds: float = 20) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False
