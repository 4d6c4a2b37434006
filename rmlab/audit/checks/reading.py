"""Checks of how a model reads texts: its head, its pad token, how a text ends, and what the length limit cuts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from rmlab.audit.audited_model import Text, Tokens, plain
from rmlab.audit.context import Context, broken, check, kept, not_applicable
from rmlab.audit.results import CheckResult, Example
from rmlab.audit.shrink import shrink
from rmlab.data import PreferencePair, Side

__all__ = ["CHECKS"]


@check(
    "one output",
    issues=["trl#5066"],
    remedy="load the backbone with num_labels=1, and train its head again",
    needs=["scores"],
)
def one_output(context: Context) -> CheckResult:
    """Check that the head has one output.

    transformers gives a classifier two outputs by default. Training then learns from one of them, or fails with
    an error of shapes. Code that takes ``logits[:, -1]`` and code that takes ``logits[:, 0]`` read different numbers.
    """
    logits = context.audited.logits([context.rows[0].tokens])
    if logits.shape[1:] == (1,):
        return kept("the head gives each text one number")
    numbers = {f"output {i}": float(value) for i, value in enumerate(logits.flatten()[:4])}
    prompt, response = context.rows[0].text
    return broken(
        f"the head gives each text {logits.shape[-1]} numbers; the other lines are about the first",
        Example({"prompt": prompt, "response": response}, numbers),
    )


@check(
    "pad token",
    issues=["trl#2758", "RLHF-Reward-Modeling#49", "trl#937"],
    remedy="add a pad token of its own: tokenizer.add_special_tokens({'pad_token': '<|pad|>'}), resize the embeddings, "
    "set network.config.pad_token_id, and train again",
    needs=["scores", "steady"],
)
def pad_token(context: Context) -> CheckResult:
    """Check that the pad token is not EOS, where the score is read from the last token that is not the pad token.

    Decoders come without a pad token, and for generation ``pad_token = eos_token`` is common advice. In a reward model
    it hides the end of every text from the pooling: the score is read one token early, after a word and not at the end.
    If the template writes EOS after each turn, older versions of transformers read it at the end of the prompt, and
    both responses tie.
    """
    audited = context.audited
    if not audited.pools_last_token:
        return not_applicable("the score is not read from the last token")
    eos = audited.tokenizer.eos_token_id
    pads = {audited.tokenizer.pad_token_id, getattr(audited.network.config, "pad_token_id", None)} - {None}
    if eos is None or not pads:
        return not_applicable("there is no EOS token" if eos is None else "there is no pad token; see batch size")
    pad = audited.tokenizer.pad_token or audited.tokenizer.convert_ids_to_tokens(pads.pop())
    if eos not in pads:
        return kept(f"the pad token {pad!r} is not the EOS token {audited.tokenizer.eos_token!r}")

    def both(text: Text) -> tuple[float, float]:
        """Score a text without and with EOS at its end."""
        ids = list(audited.read([text]).tokens[0]["input_ids"])
        while ids and ids[-1] == eos:
            ids.pop()
        without, ended = audited.alone([{"input_ids": ids}, {"input_ids": [*ids, eos]}])
        return float(without), float(ended)

    def is_blind(parts: tuple[Side, ...]) -> bool:
        without, ended = both((parts[0], parts[1]))
        return abs(without - ended) <= context.tolerance

    texts = sorted((row.text for row in context.rows), key=lambda text: len(plain(text[1])))[:8]
    if not all(map(is_blind, texts)):
        return kept("the pad token is EOS, but the network sees an EOS at the end all the same")
    parts = shrink(texts[0], is_blind)
    without, ended = both((parts[0], parts[1]))
    return broken(
        f"the pad token is the EOS token {audited.tokenizer.eos_token!r}: the score is read before the end of the text",
        Example({"prompt": parts[0], "response": parts[1]}, {"score without EOS": without, "with EOS": ended}),
    )


@check(
    "end of text",
    issues=["transformers#35352", "trl#5813"],
    remedy="let the chat template or the tokenizer write EOS at the end, as in training, and cut texts before that",
    needs=["scores"],
)
def end_of_text(context: Context) -> CheckResult:
    """Check that a text ends in EOS, or another special token, where the score is read from the last token.

    Without it the score is read at whatever ends the text, a full stop or a word. A reply that breaks off and a whole
    one are then read at tokens of different kinds, and the network never sees a sign that the reply is over.
    """
    audited = context.audited
    if not audited.pools_last_token:
        return not_applicable("the score is not read from the last token")
    special = {*audited.tokenizer.all_special_ids, audited.tokenizer.eos_token_id}

    def ending(tokens: Tokens) -> list[int]:
        """Return the special token with which a text ends, and the white space that a template may write after it."""
        ids = list(tokens["input_ids"])
        for start in range(len(ids) - 1, -1, -1):
            if ids[start] in special:
                return ids[start:]
            if audited.tokenizer.decode(ids[start]).strip():
                break
        return []

    unended = [row for row in context.rows if not ending(row.tokens)]
    if not unended:
        return kept(f"every text ends in {audited.tokenizer.decode(ending(context.rows[0].tokens))!r}")
    parts = shrink(unended[0].text, lambda some: not ending(audited.read([(some[0], some[1])]).tokens[0]))
    last = audited.read([(parts[0], parts[1])]).tokens[0]["input_ids"][-1]
    return broken(
        f"{len(unended)} of {len(context.rows)} texts end in no special token",
        Example({"prompt": parts[0], "response": parts[1], "is read at": audited.tokenizer.decode(last)}, {}),
    )


@check(
    "truncation",
    issues=["rlhf-book#503"],
    remedy="raise the limit, cut prompts from the left (tokenizer.truncation_side), or leave such pairs out",
    needs=["pairs"],
)
def truncation(context: Context) -> CheckResult:
    """Check that the length limit leaves the two responses of a pair different.

    With a long prompt and a cut on the right, both responses are cut off. The pair then teaches and tests
    nothing, and its loss of log 2 looks like difficulty: rlhf-book#503 found about 7% of a default slice like that. One
    such pair breaks the line, since no model can be right about it.
    """

    def is_cut_and_equal(pairs: Sequence[PreferencePair]) -> list[tuple[bool, bool]]:
        """Return for each pair whether it loses tokens, and whether that makes its responses equal."""
        reading = context.audited.read([(pair.prompt, side) for pair in pairs for side in (pair.chosen, pair.rejected)])
        ids = [list(tokens["input_ids"]) for tokens in reading.tokens]
        is_cut = [bool(reading.cut[2 * i : 2 * i + 2].any()) for i in range(len(pairs))]
        return [
            (is_cut[i], is_cut[i] and ids[2 * i] == ids[2 * i + 1] and pair.chosen != pair.rejected)
            for i, pair in enumerate(pairs)
        ]

    cut, made_equal = zip(*is_cut_and_equal(context.crowd), strict=True)
    shown = f"of {len(cut):,} pairs, {sum(cut):,} are cut"
    if not any(made_equal):
        return kept(f"{shown} and none is made equal")
    pair = min(compress(context.crowd, made_equal), key=lambda pair: len(plain(pair.prompt)) + len(plain(pair.chosen)))
    parts = shrink(
        (pair.prompt, pair.chosen, pair.rejected),
        lambda parts: is_cut_and_equal([PreferencePair(*parts)])[0][1],
        tries=400,  # each costs only the tokenising
    )
    n_tokens = len(context.audited.read([(parts[0], parts[1])]).tokens[0]["input_ids"])
    return broken(
        f"{shown} and {sum(made_equal):,} ({sum(made_equal) / len(cut):.1%}) are made equal",
        Example({"prompt": parts[0], "chosen": parts[1], "rejected": parts[2]}, {"tokens left of each": n_tokens}),
    )


@check(
    "pipeline",
    remedy="save with network.config.problem_type = 'regression', or call the pipeline with function_to_apply='none'",
    needs=["scores", "steady"],
)
def pipeline(context: Context) -> CheckResult:
    """Check that transformers' text-classification pipeline gives the score itself.

    For a head with one output it applies the logistic function unless the configuration says ``regression``. Scores
    then lie between 0 and 1: their order is right, but their differences are no longer log-odds, and high scores tie.
    """
    import torch
    from transformers import TextClassificationPipeline

    audited = context.audited
    if context.audited.logits([context.rows[0].tokens]).shape[-1] != 1:
        return not_applicable("the head has several outputs; see one output")
    network, tokenizer = audited.network, audited.tokenizer
    texts = [plain(row.text[1]) for row in context.rows[:4]]
    try:
        piped = TextClassificationPipeline(model=network, tokenizer=tokenizer, device=network.device)
        given = [float(one["score"]) for one in piped(texts, batch_size=1, truncation=True)]
        with torch.inference_mode():
            inputs = [tokenizer(text, truncation=True, return_tensors="pt").to(network.device) for text in texts]
            scores = [float(network(**one).logits[0, 0]) for one in inputs]
    except Exception as error:  # whatever it is, the pipeline does not work with this model
        return not_applicable(f"the pipeline does not take this model ({type(error).__name__})")
    gaps = [abs(a - b) for a, b in zip(given, scores, strict=True)]
    worst = max(range(len(texts)), key=gaps.__getitem__)
    if gaps[worst] <= context.tolerance:
        return kept("the pipeline gives the score itself")
    return broken(
        "the pipeline gives something other than the score: it applies a function to it",
        Example({"text": texts[worst]}, {"score": scores[worst], "from the pipeline": given[worst]}),
    )


CHECKS = (one_output, pad_token, end_of_text, truncation, pipeline)
"""The checks of this file, in the order of the table."""
