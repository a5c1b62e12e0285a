"""The reading of a fault signal, as stored in `series.json` and `judgement.json`."""

from typing import Literal

from squall.domain.model import Model

Reading = Literal["moved", "contradicted", "not_told"]


class SignalReading(Model):
    """What a signal said in a run."""

    targets: tuple[str, ...]
    metric: str
    """Namespace and name; empty: none is known of this fault."""
    reading: Reading
    detail: str
    """A sentence with the values that decided."""
