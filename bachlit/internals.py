"""Private names of Lightning and jsonargparse, each used here alone: what an upgrade must look at first."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import Enum

import yaml
from jsonargparse import _common, set_parsing_settings

# Of these a parser may import what is typed by a short name, or stands in a configuration.
_PACKAGES = ("bachlit", "torch.nn", "torch.optim", "pytorch_lightning", "lightning_fabric", "optuna")


@contextmanager
def careful_parsing(typed: Collection[str]) -> Iterator[None]:
    """Have parsers import from bachlit, PyTorch and Lightning, and what the user typed, and fetch nothing.

    Args:
        typed: Dotted paths.
    """
    before = dict(_common.parsing_settings)
    representers = yaml.SafeDumper.yaml_multi_representers
    tops = {path.partition(".")[0] for path in typed} - {"jsonargparse"}
    set_parsing_settings(
        import_path_denylist=["*"],
        import_path_allowlist=[*_PACKAGES, *sorted(tops)],
        instantiate_subclass_spec_in_any=False,
        config_read_mode_urls_enabled=False,
        config_read_mode_fsspec_enabled=False,
    )
    # Some of Lightning's callbacks, such as Timer, have defaults that YAML has no words for.
    yaml.SafeDumper.yaml_multi_representers = representers | {
        Enum: lambda dumper, value: dumper.represent_data(value.value)
    }
    try:
        yield
    finally:
        yaml.SafeDumper.yaml_multi_representers = representers
        _common.parsing_settings.update(before)
