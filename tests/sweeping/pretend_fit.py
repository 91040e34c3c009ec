"""What `bachlit fit` is to a sweep, without the fit: it tells figures that are known beforehand, and obeys.

    figure(epoch) = (dropout - 0.3)^2 + 1 / epoch + hidden / 1000

A hidden size of 13 is refused, a window of 13 gives what is no number. PRETEND_SECONDS is how long an epoch takes, and
PRETEND_REFUSES what to say to every option. Started and finished fits leave a line each in PRETEND_NOTES.
"""

import json
import os
import sys
import time
from pathlib import Path

from bachlit.errors import BachlitError
from bachlit.sweeping.fitting import Figure, tell


def main(words: list[str]) -> None:
    options = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    hidden, dropout = int(options.get("model.network.hidden", 0)), float(options.get("model.network.dropout", 0.3))
    window, epochs = int(options.get("data.window", 64)), int(options.get("trainer.max_epochs", 3))
    note({"started": [hidden, dropout, window], "threads": os.environ.get("OMP_NUM_THREADS"), "words": words})
    if hidden == 13 or os.environ.get("PRETEND_REFUSES"):
        raise BachlitError(os.environ.get("PRETEND_REFUSES", "A hidden size of 13 brings bad luck."))
    (csv,) = (one for one in json.loads(options["trainer.logger"]) if one["class_path"] == "CSVLogger")
    folder = Path(csv["init_args"]["save_dir"], csv["init_args"]["name"], csv["init_args"]["version"])
    folder.mkdir(parents=True)
    lines = ["epoch,step,val/nats_per_token,train/loss_epoch"]
    print("a line of its own")
    for epoch in range(1, epochs + 1):
        time.sleep(float(os.environ.get("PRETEND_SECONDS", "0")))
        figure = (dropout - 0.3) ** 2 + 1 / epoch + hidden / 1000
        lines.append(f"{epoch},{epoch},{figure},{figure - 0.1}")
        (folder / "curves.csv").write_text("\n".join(lines) + "\n")
        print("...", end="", flush=True)
        if tell(Figure(float("nan") if window == 13 else figure, epoch)):
            break
    note({"finished": [hidden, dropout, window], "epochs": epoch})


def note(said: dict[str, object]) -> None:
    if "PRETEND_NOTES" in os.environ:
        with Path(os.environ["PRETEND_NOTES"]).open("a") as file:
            file.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BachlitError as error:
        print(f"bachlit: {error}", file=sys.stderr)
        sys.exit(2)
