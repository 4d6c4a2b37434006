"""The fault lab of notebook 12: known bugs of reward training, each behind a switch, in a short real training run.

    from rmlab.course import faults
    faults.FAULTS["pad is EOS"]                 # what it breaks, the code that does it, and the line that catches it
    run = faults.run("pad is EOS", seed=0)      # trains a tiny decoder on replies of the world; seconds on one core
    run.signs                                   # the numbers of its picture
    run.model_audit, run.run_audit              # what the library finds

`catalogue` lists the faults, `bench` makes the pairs, the tokenizer and the network that a run begins with,
`faulty_decoder` has the two faults of a network, `fault_runs` the run itself, and `dashboard` its picture.
"""

# Called as `faults.run`. Left out of `__all__`: a notebook may not define a name that is in one.
from rmlab.course.faults.catalogue import FAULTS, PANELS, KnownFault, answer, mystery  # noqa: F401
from rmlab.course.faults.dashboard import plot_dashboard, plot_panel
from rmlab.course.faults.fault_runs import FaultRun, run  # noqa: F401

__all__ = ["FAULTS", "PANELS", "FaultRun", "KnownFault", "plot_dashboard", "plot_panel"]
