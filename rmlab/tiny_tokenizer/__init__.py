"""The tokenizer of the ``tiny-`` models: byte-level BPE of 2,048 tokens, shipped as ``tokenizer.json``.

``python -m rmlab.tiny_tokenizer`` makes it again from the texts of the package: everyday, and simulated texts, whose
words are single tokens. Any text can be written in it and comes back unchanged but for one space in front (where it
has none), since every byte is a token.
"""
