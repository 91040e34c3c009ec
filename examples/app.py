"""Send a folder of melodies to a running `bachlit serve`, and save each harmony as MusicXML and as sound."""
# Run it:  python examples/app.py MELODIES HARMONIES http://127.0.0.1:8765 [TOKEN]

import json
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

melodies, harmonies, url, *token = sys.argv[1:]


def ask(task: str, score: bytes, kind: str) -> bytes:
    """Post a score, again while the service is busy."""
    headers = {"Accept": kind, "Content-Type": "text/plain", "Authorization": f"Bearer {''.join(token)}"}
    while True:
        try:
            return urlopen(Request(f"{url}/api/v1/{task}", score, headers)).read()
        except HTTPError as refused:
            if refused.code != 503:
                raise
            time.sleep(int(refused.headers["Retry-After"]))


Path(harmonies).mkdir(parents=True, exist_ok=True)
failed = False
# Melodies that another program has turned sad or happy, say, are just melodies to bachlit.
for melody in sorted(filter(Path.is_file, Path(melodies).iterdir())):
    try:
        answer = json.loads(ask(f"harmonize?name={quote(melody.name)}", melody.read_bytes(), "application/json"))
        score = answer["pieces"][0]["musicxml"].encode()
        Path(harmonies, f"{melody.stem}.wav").write_bytes(ask("render", score, "audio/wav"))
        Path(harmonies, f"{melody.stem}.musicxml").write_bytes(score)
    except URLError as refused:
        sentence = json.load(refused)["error"] if isinstance(refused, HTTPError) else f"no service answers at {url}"
        print(f"{melody.name}: {sentence}", file=sys.stderr)
        failed = True
sys.exit(2 if failed else 0)
