"""What each token of a response adds to its score, or to the score difference of two responses.

There are two methods. *Leave-one-out* scores the response without the token, to see how much of the score is lost. It
is like an experiment, costs one score per token, and does not add up in general, since tokens also work together.
*Integrated gradients* (Sundararajan, Taly and Yan 2017) go in a straight line from a response of as many baseline
tokens to the given one, and add up the slope on the way. By the fundamental theorem of calculus they do add up, to
quadrature error. In both methods the prompt, the special tokens and what truncation left of them stay unchanged.

A result gives the part that it did not explain as `remainder`; this is never spread over the tokens.
"""

from rmlab.attribution.attribution_results import Attribution, DifferenceAttribution
from rmlab.attribution.token_attribution import SHORT, Method, Scorer, attribute, attribute_difference

__all__ = ["SHORT", "Attribution", "DifferenceAttribution", "Method", "Scorer", "attribute", "attribute_difference"]
