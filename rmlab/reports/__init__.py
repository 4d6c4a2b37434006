"""One page about one model on one set of pairs, as ``rmlab evaluate --html`` writes it.

`Report` holds the results, and `Report.to_dict` is what ``--json`` prints; `rmlab.reports.evaluation_page.render` makes
the page, and imports Matplotlib.
"""

from rmlab.reports.found import Report, Tempered

__all__ = ["Report", "Tempered"]
