"""judgecal and reward-lens on the planted models of `_planted_tastes`: what each of them finds.

judgecal audits judges of pairs, so the model judges by the sign of its score difference. reward-lens checks whether a
grader satisfies relations; its relations for source code and for answers are checked, with every text accepted.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from _planted_tastes import Score

from rmlab.data import PreferencePair


@dataclass(frozen=True)
class PeerFinding:
    found: tuple[str, ...]
    n_texts: int
    seconds: float  # of this process


def judgecal(score: Score, pairs: Sequence[PreferencePair]) -> PeerFinding:
    """Return the flags of judgecal's card, except those on power, which mean that nothing was found."""
    from judgecal.core import Judgment, PairwiseItem
    from judgecal.probes import ProbeConfig, analyze_suite, plan_suite
    from judgecal.report import build_card

    probes, config = ["position", "verbosity", "stability"], ProbeConfig()
    items = [PairwiseItem(str(i), p.prompt, p.chosen, p.rejected, label="A") for i, p in enumerate(pairs)]
    start = time.process_time()
    asked = plan_suite(items, probes, config)
    prompts = [one.meta["prompt_text"] for one in asked]
    first, second = (score(prompts, [one.meta[side] for one in asked]) for side in ("first_text", "second_text"))
    judged = [
        Judgment(one.custom_id, "first" if a > b else "second" if b > a else "tie", None, dict(one.meta))
        for one, a, b in zip(asked, first, second, strict=True)
    ]
    card = build_card(analyze_suite(judged, probes, config), {"name": "planted"})
    flags = tuple(flag for flag in card.overall_flags if not flag.startswith("underpowered"))
    return PeerFinding(flags, 2 * len(asked), time.process_time() - start)


def reward_lens(score: Score, pairs: Sequence[PreferencePair]) -> PeerFinding:
    """Return the relations of reward-lens that are broken on any pair."""
    from reward_lens.verifier import ListCorpus, Rollout
    from reward_lens.verifier.metamorphic import (
        answer_text_relations,
        metamorphic_violations,
        python_source_relations,
    )

    asked = 0

    def grader(prompt: str, response: str) -> float:
        nonlocal asked
        asked += 1
        return float(score([prompt], [response])[0])

    rollouts = [Rollout(str(i), {"prompt": p.prompt, "response": p.chosen}) for i, p in enumerate(pairs)]
    relations = (*answer_text_relations("response"), *python_source_relations("response"))
    start = time.process_time()
    reading = metamorphic_violations(grader, ListCorpus.of(rollouts), relations, accept_threshold=-1e9)
    report = reading.value
    broken = tuple(one.relation.removesuffix("_invariance") for one in report.relations if one.violations)
    return PeerFinding(broken, asked, time.process_time() - start)
