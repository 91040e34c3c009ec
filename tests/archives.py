"""Zipped scores, sound and broken. Import it as `archives`."""

import io
import zipfile
from collections.abc import Mapping


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """An archive of files by their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def container(name: str) -> dict[str, str]:
    """What tells in an MXL archive which file is the score."""
    path = "META-INF/container.xml"
    return {path: f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'}
