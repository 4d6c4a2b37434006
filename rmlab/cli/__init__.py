"""The commands of `rmlab`: one module each, loaded when the command is called.

A module has ``configure(parser)``, which adds its options, and ``run(options)``, which returns the exit status: 0 if
done, 1 if a check failed. For bad input it raises ValueError or OSError, and `rmlab.__main__` exits with 2.
"""

COMMANDS = {
    "lab": "open JupyterLab on the course",
    "doctor": "check whether this machine is ready for the course, or describe a reward model",
    "fit": "fit one score for each item to a table of comparisons",
    "train": "train a reward model on preference pairs, and report its test accuracy",
    "evaluate": "evaluate a reward model on preference pairs",
    "agreement": "report how the raters of a store judged, and how far they agree",
    "audit": "check whether anything is broken in a reward model",
    "judge": "judge pairs yourself, or with a class, and keep every label",
    "explore": "open the visual explorer, as a page or as one file",
    "export": "write a reward model for browsers and other runtimes, as ONNX",
    "score": "score responses to prompts",
}
"""Name and purpose of each command, in the order of `rmlab --help`."""
