"""The page in a browser without a network, where there is one."""

from pathlib import Path

from browsing import check_pictures, check_players, needs_browser, offline

from bachlit.evaluation import HeldOut, evaluate, named, page
from bachlit.models.language_model import LanguageModel
from bachlit.music.chorale import Chorale, cut


@needs_browser
def test_every_score_is_drawn_and_every_player_sounds_without_a_network(
    small_model: LanguageModel, bach: list[Chorale], tmp_path: Path
) -> None:
    pieces = HeldOut([cut(piece, 0, 32) for piece in bach[20:22]], bach[:6])
    about = {"fold": "valid", "bachlit": "0", "command": "bachlit evaluate"}
    (tmp_path / "index.html").write_text(page(evaluate({"m": small_model}, named("Greedy"), pieces, about=about)))
    with offline(tmp_path / "index.html") as browser:
        for card in browser.find_elements("css selector", "details"):
            browser.execute_script("arguments[0].open = true", card)
        check_pictures(browser, 4)
        check_players(browser, 4)
