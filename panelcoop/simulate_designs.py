"""Designs of simulated panels by name: the shapes, shocks and stages behind the published sizes and powers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from panelcoop.simulate_paths import Shape

__all__ = ["DESIGNS", "STAGE_NAMES", "VERDICTS", "Design"]

STAGE_NAMES = ("gestation", "outbreak", "continuation", "recovery")

VERDICTS = (
    "INCONCLUSIVE",
    "CONTRADICTED",
    "WAVE AND SPIRAL",
    "SINGLE INTERRUPTED RISE",
    "WAVES WITHOUT RISE",
    "LIFE-CYCLE HUMP",
    "MONOTONE NON-LINEAR",
    "LINEAR-COMPATIBLE",
)
"""Classes of the wave verdict, in the order in which the first match counts."""


@dataclass(frozen=True)
class Design:
    """A data-generating process for a panel.

    Attributes
    ----------
    shape, amplitude
        Mean path and its amplitude a in standard deviations of the noise.
    common_share, common_ar
        Share s of the noise variance that all regions have in common, and its AR coefficient (1: random walk).
    own_ar
        AR coefficient of the regions' own noise.
    reach
        Distance at which the correlation of noise and drivers between regions falls to 1/e; None: independent regions.
    driver_ar
        AR coefficient of the drivers.
    stage_lengths
        Weeks of each of the four national stages; () for a stage by quarters of the window.
    stage_effects
        theta_s of each stage.
    driver_effects
        beta_ks by driver: one number per stage.
    outlier
        Added to every driver of the last region during the outbreak stage.
    noise
        Standard deviation of the noise.
    documents, documents_shape
        Mean number of documents per region-week, and the shape of its path.
    missing
        Share of region-weeks missing at random.
    verdict
        Class the truth belongs to when the noise does not hide it; empty where the design is not about waves.
    """

    shape: Shape = "flat"
    amplitude: float = 1.0
    common_share: float = 0.0
    common_ar: float = 0.5
    own_ar: float = 0.4
    reach: float | None = None
    driver_ar: float = 0.7
    stage_lengths: tuple[int, ...] = ()
    stage_effects: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    driver_effects: Mapping[str, tuple[float, float, float, float]] = field(
        default_factory=lambda: MappingProxyType({"risk": (0.0, 0.0, 0.0, 0.0)})
    )
    outlier: float = 0.0
    noise: float = 1.0
    documents: float = 20.0
    documents_shape: Shape = "flat"
    missing: float = 0.0
    verdict: str = ""


def _inference(*lengths: int, reach: float | None, outlier: float = 0.0, effect: float = 0.0) -> Design:
    """Design of the table of sizes: no mean path, an AR(1) driver with .7 and noise with .5."""
    return Design(
        own_ar=0.5,
        reach=reach,
        stage_lengths=lengths,
        outlier=outlier,
        driver_effects=MappingProxyType({"risk": (0.0, effect, 0.0, 0.0)}),
    )


DESIGNS: Mapping[str, Design] = MappingProxyType(
    {
        "flat": Design("flat"),
        "linear": Design("linear", 2.0, verdict="LINEAR-COMPATIBLE"),
        "step": Design("step", 2.0, verdict="MONOTONE NON-LINEAR"),
        "staircase": Design("staircase", 2.0, verdict="MONOTONE NON-LINEAR"),
        "hump": Design("hump", 2.0, verdict="LIFE-CYCLE HUMP"),
        "driftless waves": Design("driftless waves", 2.0, verdict="WAVES WITHOUT RISE"),
        "rising waves": Design("rising waves", 2.0, common_share=0.1, verdict="WAVE AND SPIRAL"),
        "high rising waves": Design("rising waves", 3.0, common_share=0.3, verdict="WAVE AND SPIRAL"),
        "declining waves": Design("declining waves", 2.0, common_share=0.1, verdict="CONTRADICTED"),
        "irregular waves": Design("irregular waves", 2.0, common_share=0.1, verdict="WAVE AND SPIRAL"),
        "interrupted rise": Design("interrupted rise", 3.0, verdict="SINGLE INTERRUPTED RISE"),
        "steady rise": Design("linear", 2.0, own_ar=0.0, noise=0.5, verdict="CONTRADICTED"),
        "clear rising waves": Design("rising waves", 3.0, verdict="WAVE AND SPIRAL"),
        "common random walk": Design("flat", common_share=0.9, common_ar=1.0, verdict="INCONCLUSIVE"),
        "waves of documents": Design("flat", documents_shape="rising waves"),
        "independent": _inference(4, 5, 10, 81, reach=None),
        "spatial": _inference(4, 5, 10, 81, reach=0.4),
        "spatial, long stages": _inference(10, 20, 40, 30, reach=0.4),
        "spatial, outlier": _inference(4, 5, 10, 81, reach=0.4, outlier=10.0),
    }
)
"""Designs by name: mean paths with amplitude 2 (3 for "high" and "clear"), and the four designs of the table of sizes.

`verdict` is the class of the truth. A test may answer otherwise: a noisy panel is INCONCLUSIVE, and a quiet straight
line is CONTRADICTED (evidence for monotonicity), which leaves LINEAR-COMPATIBLE and MONOTONE NON-LINEAR a narrow band.
"""
