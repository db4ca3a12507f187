"""Many contrasts at once: adjusted p-values and bands that cover all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.checks import fail_if_not_one_of
from panelcoop.errors import DataError, IdentificationError
from panelcoop.estimate.fitted import FittedModel
from panelcoop.estimate.resampling import joint_draws, single_notes, wild_convention
from panelcoop.estimate.settings import BOOTSTRAPS, InferenceSettings, Resampling
from panelcoop.hypotheses import Hypothesis
from panelcoop.numerics.multiple_testing import holm, romano_wolf
from panelcoop.numerics.resampling.simultaneous import sup_t_band

__all__ = ["simultaneous_table"]


def simultaneous_table(
    model: FittedModel, hypotheses: Sequence[Hypothesis], method: Resampling, settings: InferenceSettings
) -> pd.DataFrame:
    """Adjust the p-values of single contrasts and put a sup-t band around them.

    Parameters
    ----------
    model
        A fitted model.
    hypotheses
        Single contrasts.
    method
        "DWB-t" or a wild cluster bootstrap.
    settings
        Draws, seed and level.

    Returns
    -------
    pandas.DataFrame
        One row per contrast; see ``StageInteraction.simultaneous``.

    Raises
    ------
    DataError
        For a joint hypothesis, no hypothesis, or a method that is not a bootstrap: the draws of randomisation inference
        differ between drivers.
    IdentificationError
        If the model fits every row.

    Notes
    -----
    p-values and Romano-Wolf use draws under each contrast's null ("WCU": around the estimate), by the same rule: the
    share of draws at least as extreme. The band uses draws around the estimates.
    """
    _fail_if_asked_wrongly(model, hypotheses, method)
    null = joint_draws(model, hypotheses, method, settings, impose_null=method != "WCU")
    around = null if method == "WCU" else joint_draws(model, hypotheses, method, settings, impose_null=False)
    band = sup_t_band(around.estimate, around.se, around.t_draws, settings.level)
    columns = {
        "estimate": null.estimate,
        "std_error": null.se,
        "statistic": null.statistic,
        "pvalue": null.p_value,
        "pvalue_holm": holm(null.p_value),
        "pvalue_romano_wolf": romano_wolf(null.statistic, null.t_draws, ties=settings.ties),
        "conf_low": null.lower,
        "conf_high": null.upper,
        "band_low": band.lower,
        "band_high": band.upper,
    }
    table = pd.DataFrame(columns, index=pd.Index([h.text for h in hypotheses], name="hypothesis"))
    table["note"] = ["; ".join(single_notes(null, j, method)) for j in range(len(hypotheses))]
    written = wild_convention(model, null, method, settings)
    table.attrs = {
        "convention": written,
        "critical": float(np.round(band.critical, 12)),
        "draws_left_out": int(
            around.t_draws.shape[1] - np.isfinite(around.t_draws[np.isfinite(around.se)]).all(0).sum()
        ),
    }
    return table


def _fail_if_asked_wrongly(model: FittedModel, hypotheses: Sequence[Hypothesis], method: Resampling) -> None:
    if method == "RI":
        msg = "Simultaneous bands need draws common to all contrasts; choose method='DWB-t' or 'WCR'."
        raise DataError(msg)
    fail_if_not_one_of(method, BOOTSTRAPS, "method of simultaneous inference")
    joint = [h.text for h in hypotheses if len(h.matrix) > 1]
    if joint:
        msg = f"Simultaneous inference takes single contrasts; '{joint[0]}' is joint. Use wald() or inference()."
        raise DataError(msg)
    if not hypotheses:
        raise DataError("There is no contrast to test: no driver coefficient is identified alone; name contrasts.")
    if model.linear.saturated:
        raise IdentificationError(model.linear.saturated)
