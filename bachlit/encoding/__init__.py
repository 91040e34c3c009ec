"""Chorales as tokens: `SatbEncoding` for everything, `BachBotEncoding` to compare with the predecessor."""

from bachlit.encoding.bachbot import BachBotEncoding
from bachlit.encoding.base import Encoding, Kind, Tokens
from bachlit.encoding.masks import open_mask, prompt_mask
from bachlit.encoding.satb import SatbEncoding

__all__ = ["BachBotEncoding", "Encoding", "Kind", "SatbEncoding", "Tokens", "open_mask", "prompt_mask"]
