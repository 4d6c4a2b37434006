"""What each token of a response adds to its score, or to the score difference of two responses.

There are two methods. *Leave-one-out* scores the response without the token, to see how much of the score is lost. It
is an experiment that costs one score per token. Its values do not add up in general, since tokens also work together.
*Integrated gradients* (Sundararajan, Taly and Yan 2017) follow a straight line from a response of as many baseline
tokens to the given one, and sum the slope along it. By the fundamental theorem of calculus their values add up, except
for quadrature error. Both methods leave the prompt and the special tokens as they are after truncation.

The part of the score that the tokens do not explain is the `remainder` of a result; it is never spread over the tokens.
"""

from rmlab.attribution.attribution_results import Attribution, DifferenceAttribution
from rmlab.attribution.token_attribution import SHORT, Method, Scorer, attribute, attribute_difference

__all__ = ["SHORT", "Attribution", "DifferenceAttribution", "Method", "Scorer", "attribute", "attribute_difference"]
