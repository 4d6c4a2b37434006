"""Comparisons that OpenAI published: WebGPT (Nakano et al. 2021) and summaries (Stiennon et al. 2020).

WebGPT: an answer is preferred if its score is above 0; the two scores sum to 0, and two zeros are a tie. The group
is the data set of the question. Summaries: ``choice`` is the number of the better one; the prompt is the
post, or the news article, and the group is the forum. The title is not part of the prompt.
"""

from __future__ import annotations

from rmlab.data.formats.base import Format, Record, as_records, get, optional_text, read_label, text_of
from rmlab.data.rows import Sides, is_missing, named, read_number

__all__ = ["SUMMARIES", "WEBGPT"]


def _from_webgpt(record: Record) -> list[Sides]:
    question = get(record, "question")
    if not isinstance(question, dict):
        raise ValueError(f"question must be an object with full_text, like the first record, got {named(question)}")
    prompt = text_of("question.full_text", question.get("full_text"))
    a, b = (text_of(name, get(record, name)) for name in ("answer_0", "answer_1"))
    difference = read_number("score_0", get(record, "score_0")) - read_number("score_1", get(record, "score_1"))
    chosen, rejected = (b, a) if difference < 0 else (a, b)
    return [
        Sides(
            prompt, chosen, rejected, tied=difference == 0, chosen_first=difference >= 0, strength=abs(difference),
            group=optional_text(question, "dataset"),
        )
    ]  # fmt: skip


WEBGPT = Format(
    "WebGPT comparisons",
    ("question", "answer_0", "answer_1", "score_0", "score_1"),
    _from_webgpt,
    "`question.full_text` and two answers; the higher score is chosen, equal ones are a tie. The group is "
    "`question.dataset`.",
    fits=lambda record: isinstance(record.get("question"), dict),
    strengths=True,
)


def _from_summaries(record: Record) -> list[Sides]:
    info = get(record, "info")
    if not isinstance(info, dict):
        raise ValueError(f"info must be an object with post or article, got {named(info)}")
    column = "article" if is_missing(info.get("post")) else "post"
    prompt = text_of(f"info.{column}", info.get(column))
    summaries = as_records("summaries", get(record, "summaries"))
    if len(summaries) != 2:
        raise ValueError(f"summaries must be two, got {len(summaries)}")
    texts = [text_of(f"summaries[{i}].text", summary.get("text")) for i, summary in enumerate(summaries)]
    choice = read_label("choice", get(record, "choice"), {"0": 0, "1": 1}, "0 or 1, the number of a summary")
    return [
        Sides(prompt, texts[choice], texts[1 - choice], chosen_first=not choice, group=optional_text(info, "subreddit"))
    ]


SUMMARIES = Format(
    "OpenAI summaries",
    ("info", "summaries", "choice"),
    _from_summaries,
    "`info.post` (or `info.article`) and two summaries; `choice` is the number of the chosen one. The group is "
    "`info.subreddit`.",
)
