"""The simulated coverage of event studies as a Markdown table."""

from __future__ import annotations

import pandas as pd

__all__ = ["event_coverage_report"]

TARGET = (0.92, 0.98)
MONTE_CARLO = 3.0  # errors of a simulated mean beyond which a bias is told apart from none


def event_coverage_report(found: pd.DataFrame, *, seed: int, minutes: float) -> str:
    """Write bias and coverage with seed and time.

    Parameters
    ----------
    found
        From `event_coverage`: one row per design and estimator.
    seed
        Seed of the run.
    minutes
        Time the run took.

    Returns
    -------
    Markdown text. Coverage outside [.92, .98], and bias beyond three Monte Carlo errors, are in bold.
    """
    runs = int(found["replications"].iloc[0])
    error = (0.95 * 0.05 / runs) ** 0.5
    about = (
        f"31 regions, 10 weeks, horizons -3 to 2, {runs:,} panels per design (Monte Carlo error {error:.3f} at 95%), "
        f"seed {seed}, {minutes:.0f} minutes. Bias: mean error over horizons 0 to 2. Error ratio: mean standard error "
        "over the standard deviation of estimates, horizon 0. Pointwise: 95% intervals at horizons 0 to 2. "
        "Simultaneous: the 95% band over all horizons shown. "
        f"Bold: coverage outside [{TARGET[0]:.2f}, {TARGET[1]:.2f}], bias beyond three Monte Carlo errors. Two-way "
        "effects are biased where effects differ by cohort, and so is every estimator without rings where effects "
        "spill over; both are shown to be found, not to be used. Where effects differ by cohort, estimators that "
        "count the sampling of cohort sizes (Callaway-Sant'Anna), or whose residuals hold the differences between "
        "cohorts (two-stage, stacked, LP-DiD), cover the effect on these cohorts too often; least-squares LP-DiD "
        "weighs cohorts by their variance, and so has another target."
    )
    head = "| design | estimator | bias | error ratio | pointwise | simultaneous |\n" + "|---" * 6 + "|"
    far = found["bias"].abs() > MONTE_CARLO * found["bias_error"]
    cells = pd.DataFrame(
        {
            "design": found["design"],
            "estimator": found["estimator"],
            "bias": _marked(found["bias"], far),
            "ratio": found["error_ratio"].map("{:.3f}".format),
            "pointwise": _marked(found["pointwise"], ~found["pointwise"].between(*TARGET)),
            "simultaneous": _marked(found["simultaneous"], ~found["simultaneous"].between(*TARGET)),
        }
    )
    lines = ["| " + " | ".join(row) + " |" for row in cells.to_numpy(dtype=str).tolist()]
    return "\n\n".join(["# Do the intervals of event studies hold?", about, "\n".join([head, *lines])]) + "\n"


def _marked(values: pd.Series, bold: pd.Series) -> pd.Series:
    text = values.map("{:.3f}".format)
    return text.where(~bold, "**" + text + "**")
