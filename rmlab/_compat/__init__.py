"""All uses of parts of torch, transformers, accelerate and tokenizers that may change without notice.

Each use has a function, which gives the reason, and a test in `tests/contracts/`, which fails when such a part changes.
The tests pass with torch 2.13, transformers 5.23 and accelerate 1.15.
"""
