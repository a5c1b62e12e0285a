"""Kayenta's published rules for one metric, for comparison only: its Mann-Whitney classifier with tolerance and labels.

Written from the documented behaviour of Spinnaker's canary judge (NetflixACAJudge): the confidence interval of the
Hodges-Lehmann shift is compared with a tolerance that is a fraction of the shift itself; identical series and a single
distinct value pass; no data is Nodata.
"""

import numpy as np
from numpy.typing import NDArray

from squall.domain.judging import ranks

Floats = NDArray[np.float64]
TOLERANCE = 0.25
CONFIDENCE = 0.98
NOISE = 1e-5
"""Relative noise it adds where both series are constant."""


def classify_metric(control: Floats, experiment: Floats) -> str:
    """`Pass`, `High`, `Low` or `Nodata`, direction `either`, missing data removed."""
    if not len(control) or not len(experiment):
        return "Nodata"
    if np.array_equal(np.sort(control), np.sort(experiment)) or len(np.unique(np.concatenate((control, experiment)))) == 1:
        return "Pass"
    if len(np.unique(control)) == 1 and len(np.unique(experiment)) == 1:
        rng = np.random.default_rng(0)
        control, experiment = (values + rng.normal(0, abs(values[0]) * NOISE, len(values)) for values in (control, experiment))
    shift, low, high = ranks.hodges_lehmann(control, experiment, 1 - CONFIDENCE)
    bound = TOLERANCE * abs(shift)
    if low is not None and low > bound:
        return "High"
    if high is not None and high < -bound:
        return "Low"
    return "Pass"
