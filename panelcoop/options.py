"""The vocabulary of options: each is spelled once, here, and read everywhere."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]

Effects: TypeAlias = Literal["none", "region", "week", "two-way", "two-way+trends"]
"""Which fixed effects are absorbed."""

Covariance: TypeAlias = Literal[
    "iid", "HC1", "HC2", "HC3", "CRV1", "CRV2", "CRV3", "two-way", "newey-west", "driscoll-kraay", "conley"
]
"""How the covariance of the coefficients is estimated."""

SmallSample: TypeAlias = Literal["fixest", "stata", "linearmodels", "plm", "none"]
"""Named small-sample conventions; each reproduces that program's standard errors to the digit."""

Multiplier: TypeAlias = Literal["rademacher", "webb", "mammen", "gaussian"]
"""Distribution of wild-bootstrap multipliers: mean zero, variance one."""
