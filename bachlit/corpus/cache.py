"""The cache of parsed chorales: one file for a whole corpus, of arrays and no pickles."""

import json
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from bachlit.chorale import Chorale
from bachlit.files import write_whole
from bachlit.keys import Key


def save_chorales(path: Path, chorales: Sequence[Chorale], skipped: dict[str, str]) -> None:
    """Write a cache whole or not at all. A cache that can't be written costs time, not the work at hand."""
    metadata = [
        {
            "num_frames": chorale.num_frames,
            "time_signature": chorale.time_signature,
            "pickup": chorale.pickup,
            "key": chorale.key,
            "title": chorale.title,
            "name": chorale.name,
        }
        for chorale in chorales
    ]
    archive = BytesIO()
    np.savez_compressed(
        archive,
        pitches=np.concatenate([chorale.pitches for chorale in chorales]),
        onsets=np.concatenate([chorale.onsets for chorale in chorales]),
        fermatas=np.concatenate([chorale.fermatas for chorale in chorales]),
        metadata=np.array(json.dumps({"chorales": metadata, "skipped": skipped})),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, archive.getvalue())
    except OSError as error:
        warnings.warn(f"The chorales could not be cached in {path.parent} ({error}).", stacklevel=2)


def load_chorales(path: Path) -> tuple[list[Chorale], dict[str, str]] | None:
    """The chorales of a cache, or None if there is none or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about: dict[str, Any] = json.loads(str(arrays["metadata"]))
            pitches, onsets, fermatas = arrays["pitches"], arrays["onsets"], arrays["fermatas"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
    chorales = []
    start = 0
    for piece in about["chorales"]:
        end = start + piece["num_frames"]
        chorales.append(
            Chorale(
                pitches=pitches[start:end],
                onsets=onsets[start:end],
                fermatas=fermatas[start:end],
                time_signature=tuple(piece["time_signature"]),
                pickup=piece["pickup"],
                key=Key(*piece["key"]),
                title=piece["title"],
                name=piece["name"],
            )
        )
        start = end
    return chorales, about["skipped"]
