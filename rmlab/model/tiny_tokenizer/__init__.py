"""The tokenizer of the ``tiny-`` models: byte-level BPE of 2,048 tokens, shipped as ``tokenizer.json``.

``python -m rmlab.datasets.make_tokenizer`` makes it again from the texts of the package: everyday, and simulated texts,
whose words are single tokens. It encodes any text, and decoding gives the text back unchanged, except for one space in
front (if it has none), since every byte is a token.
"""
