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
"""Named small-sample conventions; each reproduces that program's standard errors to the digit: fixest 0.13 and 0.14,
Stata's regress, newey, reghdfe 6, ppmlhdfe 2.3, xtscc 1.3 and 1.4 and acreg's factor, linearmodels 6, plm 2.
`small_sample_rule` writes them out; `SmallSampleRule` says any other."""

Multiplier: TypeAlias = Literal["rademacher", "webb", "mammen", "gaussian"]
"""Distribution of wild-bootstrap multipliers: mean zero, variance one."""
