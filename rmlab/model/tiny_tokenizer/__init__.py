"""The tokenizer of the ``tiny-`` models: byte-level BPE of 2,048 tokens, shipped as ``tokenizer.json``.

``python -m rmlab.datasets.make_tokenizer`` makes it again from the texts of the package: the everyday pairs, and
simulated texts, whose words are single tokens. Every byte is a token, so it encodes any text. Decoding returns the text
unchanged, except that it adds one space in front if there is none.
"""
