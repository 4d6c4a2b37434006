"""The reward as an objective: optimise against it, and see how far it can be trusted.

On a finite set of replies everything is exact: the policy, its KL from the reference, the proxy that is optimised, and
the true reward.

- `best_of_n` and `optimal_policy`: the replies to one question, as the best of n draws or at a price for KL;
- `optimisation_curve`, `fit_law`: proxy and true reward against d = sqrt(KL), and where the true reward will peak;
- `ensemble_rewards`, `within_budget`: remedies for over-optimisation;
- `SoftmaxPolicy`, `policy_steps`, `fit_dpo`: REINFORCE, PPO, GRPO and DPO beside the exact gradient and optimum.

>>> from rmlab.optimization import optimal_policy
>>> optimal_policy([0.5, 0.5], [0.0, 1.0], beta=1.0).probabilities.round(3).tolist()
[[0.269, 0.731]]
"""

from rmlab.optimization.dpo import DPOFit, dpo_loss, fit_dpo
from rmlab.optimization.laws import LAWS, OveroptimisationLaw, fit_law, fit_law_until_peak
from rmlab.optimization.overoptimisation import (
    COMBINATIONS,
    OptimisationCurve,
    ensemble_rewards,
    optimisation_curve,
    reward_with_error,
    within_budget,
)
from rmlab.optimization.policies import (
    SoftmaxPolicy,
    clipped_gradient,
    clipped_surrogate,
    group_advantages,
    penalised_rewards,
    policy_gradient,
    reinforce_gradient,
)
from rmlab.optimization.policy_steps import POLICY_METHODS, PolicyStep, policy_steps
from rmlab.optimization.reply_space import (
    CAREFUL_WRITERS,
    REPLY_FEATURES,
    ReplySpace,
    Scorer,
    judge_of_labels,
    reply_features,
    reply_space,
    score_heads_of_replies,
    score_replies,
)
from rmlab.optimization.reweighting import (
    BestOfN,
    OptimalPolicy,
    ReweightedReplies,
    best_of_n,
    best_of_n_kl_bound,
    estimate_best_of_n,
    n_at_kl,
    optimal_policy,
)

__all__ = [
    "CAREFUL_WRITERS",
    "COMBINATIONS",
    "LAWS",
    "POLICY_METHODS",
    "REPLY_FEATURES",
    "BestOfN",
    "DPOFit",
    "OptimalPolicy",
    "OptimisationCurve",
    "OveroptimisationLaw",
    "PolicyStep",
    "ReplySpace",
    "ReweightedReplies",
    "Scorer",
    "SoftmaxPolicy",
    "best_of_n",
    "best_of_n_kl_bound",
    "clipped_gradient",
    "clipped_surrogate",
    "dpo_loss",
    "ensemble_rewards",
    "estimate_best_of_n",
    "fit_dpo",
    "fit_law",
    "fit_law_until_peak",
    "group_advantages",
    "judge_of_labels",
    "n_at_kl",
    "optimal_policy",
    "optimisation_curve",
    "penalised_rewards",
    "policy_gradient",
    "policy_steps",
    "reinforce_gradient",
    "reply_features",
    "reply_space",
    "reward_with_error",
    "score_heads_of_replies",
    "score_replies",
    "within_budget",
]
