"""Encode chorales as tokens: `SatbEncoding`, and `BachBotEncoding` for comparison."""

from bachlit.encoding.bachbot import BachBotEncoding
from bachlit.encoding.base import Encoding, Kind, Tokens
from bachlit.encoding.masks import open_mask, prompt_mask
from bachlit.encoding.satb import SatbEncoding

__all__ = ["BachBotEncoding", "Encoding", "Kind", "SatbEncoding", "Tokens", "open_mask", "prompt_mask"]
