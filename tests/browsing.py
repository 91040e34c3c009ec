"""A browser without a network or with this machine alone; needs selenium, Chromium and its driver."""

import json
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
def _browser(*flags: str) -> Iterator[Any]:
    """A browser, and what it logs."""
    from selenium import webdriver  # noqa: PLC0415  # where there is one

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        browser.execute_cdp_cmd("Network.enable", {})
        yield browser
    finally:
        browser.quit()


@contextmanager
def offline(page: Path) -> Iterator[Any]:
    """A browser that shows a page without a network."""
    with _browser() as browser:
        cut = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        browser.execute_cdp_cmd("Network.emulateNetworkConditions", cut)
        browser.get(page.as_uri())
        yield browser
        assert browser.get_log("browser") == []


@contextmanager
def beside(downloads: Path) -> Iterator[Any]:
    """A browser that reaches this machine alone, saves files in a folder, and whose loudspeakers are metered."""
    with _browser("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=1200,1000") as browser:
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": METER})
        browser.execute_cdp_cmd("Page.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(downloads)})
        yield browser


def asked(browser: Any) -> set[str]:
    """Addresses that were asked since the last call."""
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    return {
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    }


def resized(browser: Any, width: int, height: int = 900) -> None:
    """Make the window as wide as a screen; one below 500 pixels is a phone's."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def forget(browser: Any, origin: str) -> None:
    """Clear what a site has kept in the browser."""
    browser.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "local_storage"})


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
