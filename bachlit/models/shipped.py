"""The models that ship with the package, by name."""

from pathlib import Path

DESCRIPTION = "model.json"
"""The file in a model's folder that describes how to rebuild it."""

WEIGHTS = "model.safetensors"
"""The file in it with the weights."""

SPLIT, CORPUS = "split.json", "corpus.json"
"""Files in it: the names of each fold's pieces, and the corpus that they are from."""

CARD = "README.md"
"""The file in it that people read."""

_FOLDER = Path(__file__).parents[1] / "pretrained"

SHIPPED = {folder.name: folder for folder in sorted(_FOLDER.iterdir()) if (folder / DESCRIPTION).is_file()}
"""The folder of each model, with its model card."""

PRETRAINED = SHIPPED["bachlit"]
"""The folder of the default model."""
