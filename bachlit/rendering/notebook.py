"""Show a chorale in a notebook: the engraved score, or a piano roll in letters, with a player.

The HTML is one piece that needs no network. The score is a picture of its own, so that the outputs of a notebook don't
share names; without scripts, as where a notebook isn't trusted, it is there all the same.
"""

import json
from base64 import b64encode
from html import escape
from uuid import uuid4

import bachlit.music.chorale
from bachlit.errors import ChoraleError
from bachlit.extras import MissingPackageError
from bachlit.music.chorale import Chorale
from bachlit.music.describing import described
from bachlit.rendering.engraving import svg
from bachlit.rendering.organ import PARTIALS
from bachlit.rendering.player import played, player
from bachlit.rendering.text_roll import text_roll

_SHOWN = """<div id="{id}" style="max-width: 1000px; padding: 0.75rem; background: white; color: #1d1d1f; \
color-scheme: light">
<div style="display: flex; flex-wrap: wrap; align-items: center; gap: 0.75rem; font: 13px system-ui, sans-serif">
<span>{about}</span></div>
{score}
</div>
<script>
(() => {{
"use strict";
{player}
// One organ for all outputs: a browser lends a page few of them, and two scores at once are noise.
const play = window.bachlitPlay ??= organ({partials});
const score = {notes};
const button = document.createElement("button"), bar = document.createElement("progress");
button.textContent = "Play";
button.setAttribute("aria-label", "Play the score");
bar.max = score.seconds;
bar.value = 0;
bar.setAttribute("aria-label", "How much has been played");
button.addEventListener("click", () => play(score, button, bar));
document.getElementById("{id}").firstElementChild.prepend(button, bar);
}})();
</script>
"""
_PICTURE = (
    '<img src="data:image/svg+xml;base64,{}" alt="Score: {}" style="display: block; width: 100%; margin-top: 8px">'
)
_ROLL = (
    '<pre style="overflow-x: auto; white-space: pre; color: inherit; background: inherit; font: 11px/1.15 monospace">'
    "{}</pre>\n<small>With pip install 'bachlit[render]' this is an engraved score.</small>"
)


def notebook_html(chorale: Chorale) -> str:
    """Make the HTML by which a notebook shows a chorale.

    Args:
        chorale: The music.

    Returns:
        A division and a script, which may stand beside others in a page.
    """
    about = escape(described(chorale))
    try:
        shown = _PICTURE.format(b64encode(svg(chorale).encode()).decode(), about)
    except (MissingPackageError, ChoraleError):  # what can't be engraved can still be seen
        shown = _ROLL.format(escape(text_roll(chorale)))
    return _SHOWN.format(
        id=f"bachlit-{uuid4().hex}",
        about=about,
        score=shown,
        player=player(),
        partials=json.dumps(PARTIALS),
        notes=json.dumps(played(chorale), separators=(",", ":")),
    )


bachlit.music.chorale.display = notebook_html
