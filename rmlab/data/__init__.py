"""Preference data: pairs of responses, the preferred one first; read, written, split and checked.

`read_pairs` recognises a file's format. It stops at the first fault of syntax or schema and names its file and line;
pairs with a fault of meaning are kept and counted. `formats` lists the formats, and `pairs` stores the pairs.
"""

from rmlab.data.ids import pair_ids
from rmlab.data.pairs import Message, PreferencePair, PreferencePairs, ReadReport, Side
from rmlab.data.quality.checks import PairsCheck, Trainable, check_pairs, trainable
from rmlab.data.quality.near_duplicates import group_near_equal
from rmlab.data.read import read_pairs
from rmlab.data.rows import DataError
from rmlab.data.split import split_by_prompt
from rmlab.data.write import write_pairs

__all__ = [
    "DataError",
    "Message",
    "PairsCheck",
    "PreferencePair",
    "PreferencePairs",
    "ReadReport",
    "Side",
    "Trainable",
    "check_pairs",
    "group_near_equal",
    "pair_ids",
    "read_pairs",
    "split_by_prompt",
    "trainable",
    "write_pairs",
]
