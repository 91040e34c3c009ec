"""Outputs of a notebook beside each other in a browser without a network, where there is one."""

from pathlib import Path

from browsing import check_pictures, check_players, needs_browser, offline

from bachlit.music.chorale import Chorale, cut


@needs_browser
def test_outputs_of_a_notebook_are_drawn_and_play_one_at_a_time(bach: list[Chorale], tmp_path: Path) -> None:
    outputs = [cut(piece, 0, 64)._repr_html_() for piece in (bach[0], bach[0], bach[1])]
    head = '<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">'
    (tmp_path / "index.html").write_text(head + "".join(outputs), encoding="utf-8")
    with offline(tmp_path / "index.html") as browser:
        check_pictures(browser, 3)
        check_players(browser, 3)
