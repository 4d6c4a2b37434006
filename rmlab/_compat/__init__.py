"""Every reach into parts of torch, transformers and accelerate that they do not promise to keep.

One function for each, with the reason; `tests/contracts/` has a test for each of what it relies on, which fails when
such a part moves. Seen to hold with torch 2.13, transformers 5.23 and accelerate 1.15.
"""
