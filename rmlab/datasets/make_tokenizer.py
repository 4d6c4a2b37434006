"""Make the tokenizer again: ``python -m rmlab.datasets.make_tokenizer``."""

from collections.abc import Iterator
from importlib import resources

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from rmlab.datasets.everyday import load_everyday
from rmlab.simulate import simulate_text_pairs

VOCABULARY = 2048
SPECIAL = {"pad_token": "<|pad|>", "eos_token": "<|eos|>", "cls_token": "<|cls|>", "sep_token": "<|sep|>"}


def texts() -> Iterator[str]:
    """Yield the texts from which the merges are learned."""
    for pair in (*load_everyday(), *simulate_text_pairs(2000, seed=0).pairs):
        yield from (str(pair.prompt), str(pair.chosen), str(pair.rejected))


def build() -> PreTrainedTokenizerFast:
    """Learn the merges and wrap them for transformers."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    cls, sep = SPECIAL["cls_token"], SPECIAL["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B {sep}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (cls, sep)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **SPECIAL)


if __name__ == "__main__":
    with resources.as_file(resources.files("rmlab.model.tiny_tokenizer")) as folder:
        build().save_pretrained(folder)
