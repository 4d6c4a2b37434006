"""Answers to the exercise of notebook 13, for the figures on which its check is tried."""

ACCURACY = "The model agrees with 72% of the 240 test labels (95%: 64% to 79%)."
LENGTH = "Its accuracy is above that of length by 0.20 (0.09 to 0.31)."
TASTE = "A flattering sentence raises its score by 0.31 nats (0.12 to 0.50)."


def from_figures(figures):
    accuracy, more, taste = (figures[name] for name in ("accuracy", "beyond length", "flattery"))
    return [
        f"It is right on {accuracy[0]:.1%} of the pairs ({accuracy[1]:.1%} to {accuracy[2]:.1%}).",
        f"That is {100 * more[0]:.0f} points more often than length ({100 * more[1]:.0f} to {100 * more[2]:.0f}).",
        f"It likes flattery: {taste[0]:+.2f} nats ({taste[1]:+.2f} to {taste[2]:+.2f}).",
    ]


def with_one(sentence, place):
    """The three right sentences, one of them exchanged."""
    return [sentence if place == k else each for k, each in enumerate((ACCURACY, LENGTH, TASTE))]


RIGHT = {
    "report_sentences": [
        [ACCURACY, LENGTH, TASTE], from_figures, (TASTE, ACCURACY, LENGTH),
        with_one("Whether the ceiling (0.74 to 0.87) is reached cannot be told: 0.79 lies within it.", 1),
        with_one("A hedge changes it by −0.10 (−0.35 to 0.15): not shown to be disliked.", 2),
    ],
}  # fmt: skip


WRONG = {
    "report_sentences": [
        (with_one("It agrees with 81% of the labels (95%: 64% to 79%).", 0), "not among the report's figures"),
        (with_one("It agrees with 72% of the labels.", 0), "without its interval"),
        (with_one("Its accuracy, 0.72, is high.", 0), "without its interval"),
        (with_one("It is no better than length, 0.52 (0.45 to 0.59).", 1), "comparison with length"),
        (with_one("It is below the ceiling of 0.74 to 0.87.", 1), "comparison with the ceiling"),
        (with_one("It dislikes flattery, by 0.31 nats.", 2), "other sign"),
        (with_one("It likes a hedge: −0.10 (−0.35 to 0.15).", 2), "other sign"),
        (with_one("People agree with it in 72% (64% to 79%).", 0), "more than one test part"),
        (with_one("It always likes flattery, by 0.31 nats.", 2), "more than one test part"),
        (with_one("It beats length by 0.20 because it has read the question.", 1), "A cause"),
        (with_one("It is better than length.", 1), "no figure"),
        ([ACCURACY, LENGTH], "One sentence each"), ([ACCURACY, ACCURACY, LENGTH], "One sentence each"),
        ([ACCURACY, LENGTH, TASTE, TASTE], "One sentence each"), (3.7, "Three sentences"),
    ],
}  # fmt: skip
