"""The commands of `rmlab`: one module each, loaded when the command is called.

A module has ``configure(parser)``, which adds its options, and ``run(options)``, which returns the exit status: 0 if
done, 1 if a check failed, 2 for bad input.
"""

COMMANDS = {
    "lab": "open JupyterLab on the course",
    "doctor": "is this machine ready for the course? or what is this reward model?",
    "fit": "fit one score for each item to a table of comparisons",
    "train": "train a reward model on preference pairs, and report its test accuracy",
    "evaluate": "evaluate a reward model on preference pairs",
    "agreement": "what do the labels of a store say of their raters?",
    "audit": "is anything broken in this reward model?",
    "judge": "judge pairs yourself, or with a class, and keep every label",
    "explore": "open the visual explorer, as a page or as one file",
    "export": "write a reward model for browsers and other runtimes, as ONNX",
    "score": "score responses, one from the command line or JSON lines from standard input",
}
"""Name and purpose of each, in the order of `rmlab --help`."""
