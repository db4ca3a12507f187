"""Arrays as the frames that the wave tests take."""

from __future__ import annotations

import numpy as np
import pandas as pd


def frame(values: np.ndarray, name: str = "y", **more: np.ndarray) -> pd.DataFrame:
    """Regions by weeks as one row per region (r00, r01, ...) and Monday."""
    n, t = values.shape
    weeks = pd.date_range("2020-01-06", periods=t, freq="7D")
    index = pd.MultiIndex.from_product([[f"r{i:02d}" for i in range(n)], weeks], names=["region", "week"])
    return pd.DataFrame({name: values.ravel(), **{k: v.ravel() for k, v in more.items()}}, index=index)
