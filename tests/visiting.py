"""The page of `bachlit serve`, as its user sees and works it."""

from pathlib import Path
from typing import Any

from browsing import until

from bachlit.music.chorale import Chorale
from bachlit.scores import read_chorale

LETTERS = "gefgabcbagbc"
CONTROL, ESCAPE, UP = "\ue009", "\ue00c", "\ue013"  # as WebDriver codes the keys


class Page:
    """The page, and what a user does with it."""

    def __init__(self, browser: Any, downloads: Path) -> None:
        self.browser, self.downloads = browser, downloads

    def find(self, css: str) -> list[Any]:
        return list(self.browser.find_elements("css selector", css))

    def text(self, css: str) -> str:
        return str(self.find(css)[0].get_attribute("textContent"))

    def run(self, script: str, *values: Any) -> Any:
        return self.browser.execute_script(script, *values)

    def click(self, css: str, place: int = 0) -> None:
        element = self.find(css)[place]
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    @property
    def actions(self) -> Any:
        from selenium.webdriver import ActionChains  # noqa: PLC0415  # where there is one

        return ActionChains(self.browser, duration=0)

    def type(self, keys: str) -> None:
        self.actions.send_keys(keys).perform()

    def undo(self) -> None:
        self.actions.key_down(CONTROL).send_keys("z").key_up(CONTROL).perform()

    def press(self, x: float, y: float) -> None:
        actions = self.actions
        actions.w3c_actions.pointer_action.move_to_location(round(x), round(y)).click()
        actions.perform()

    def paste(self, text: str) -> None:
        script = """
            const pasted = new DataTransfer();
            pasted.setData("text/plain", arguments[0]);
            document.dispatchEvent(new ClipboardEvent("paste", {clipboardData: pasted}));"""
        self.run(script, text)

    def notes(self) -> list[list[int]]:
        """Lines and ticks of the tune, as the browser keeps it."""
        script = "return JSON.parse(localStorage['bachlit.tune']).tune.notes.map(({line, ticks}) => [line, ticks])"
        return list(self.run(script))

    def write(self) -> None:
        self.click("#new")
        self.type(LETTERS)

    def harmonise(self) -> None:
        self.click("#harmonise")
        self.hear("Harmonised")

    def hear(self, *words: str) -> str:
        """Wait until a screen reader is told so, once, and for the score that comes with it."""
        assert until(lambda: self.text("#said").startswith(words)), [one.text for one in self.find(".problem")]
        assert until(lambda: self.find(".score-bar"))
        return str(
            self.run("""
            const said = document.getElementById("said"), text = said.textContent;
            said.textContent = "";
            return text;""")
        )

    def save(self, ending: str) -> Path:
        for path in self.downloads.iterdir():
            path.unlink()
        self.click(f"[data-save={ending}]")
        assert until(lambda: [path.suffix for path in self.downloads.iterdir()] == [f".{ending}"])
        return next(self.downloads.iterdir())

    def piece(self) -> Chorale:
        return read_chorale(self.save("musicxml"))
