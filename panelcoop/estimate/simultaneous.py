"""Many contrasts at once: adjusted p-values and bands that cover all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.estimate.fitted import FittedModel
from panelcoop.estimate.resampling import joint_draws
from panelcoop.estimate.settings import InferenceSettings, Resampling
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
        For a joint hypothesis, or for randomisation inference, whose draws differ between drivers.

    Notes
    -----
    p-values and Romano-Wolf use draws under each contrast's null; the band uses draws around the estimates.
    """
    if method == "RI":
        msg = "Simultaneous bands need draws common to all contrasts; choose method='DWB-t' or 'WCR'."
        raise DataError(msg)
    joint = [h.text for h in hypotheses if len(h.matrix) > 1]
    if joint:
        msg = f"Simultaneous inference takes single contrasts; '{joint[0]}' is joint. Use wald() or inference()."
        raise DataError(msg)
    null = joint_draws(model, hypotheses, method, settings, impose_null=True)
    around = joint_draws(model, hypotheses, method, settings, impose_null=False)
    band = sup_t_band(around.estimate, around.se, around.t_draws, settings.level)
    columns = {
        "estimate": null.estimate,
        "std_error": null.se,
        "statistic": null.statistic,
        "pvalue": null.p_value,
        "pvalue_holm": holm(null.p_value),
        "pvalue_romano_wolf": romano_wolf(null.statistic, null.t_draws, enumerated=null.enumerated),
        "conf_low": null.lower,
        "conf_high": null.upper,
        "band_low": band.lower,
        "band_high": band.upper,
    }
    table = pd.DataFrame(columns, index=pd.Index([h.text for h in hypotheses], name="hypothesis"))
    table.attrs = {"convention": null.convention, "critical": float(np.round(band.critical, 12))}
    return table
