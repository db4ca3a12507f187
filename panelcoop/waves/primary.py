"""The primary test: one outcome, one pre-specified verdict, every number behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from panelcoop.errors import DataError
from panelcoop.numerics.waves.ascent_test import AscentSettings, AscentTest, ascent_test
from panelcoop.numerics.waves.autoregression import NoiseFit, fit_noise
from panelcoop.numerics.waves.common_path import CommonPath
from panelcoop.numerics.waves.untested import FEWEST_WEEKS, untested
from panelcoop.options import FloatArray
from panelcoop.panel.record import Panel, as_panel
from panelcoop.waves.inputs import Bounds, RegionWeights, WaveInput, wave_input
from panelcoop.waves.placebo import never_changes, placebo_waves
from panelcoop.waves.removal import Removal, as_removal, remove_drivers
from panelcoop.waves.thresholds import WaveThresholds
from panelcoop.waves.verdict import Evidence, decide
from panelcoop.waves.wave_verdict import PlaceboWaves, WaveVerdict

__all__ = ["EPISODE_COLUMNS", "ascent_settings", "thresholds_for", "wave_test", "wave_test_of"]

EPISODE_COLUMNS = ["peak", "trough", "record", "rise_before", "drawdown", "rise"]
"""Weeks of an episode; rise to its peak from the lowest point before, fall, rise of the new record over the old."""


def wave_test(
    panel: Panel | pd.DataFrame,
    outcome: str,
    *,
    thresholds: WaveThresholds | None = None,
    weights: RegionWeights | None = None,
    offset: str | None = None,
    bounds: Bounds | tuple[float, float] | None = None,
    remove: Removal | Sequence[str] | str | None = None,
    placebo: str | None = None,
    sign_share: float | None = None,
) -> WaveVerdict:
    """Test whether an outcome advances in waves, and return one verdict fixed in advance.

    Parameters
    ----------
    panel
        A panel, or a frame with region and week as index or columns; balanced or not, weeks may be missing.
    outcome
        Column to test.
    thresholds
        Default: the [waves] section of the panel's plan, else the defaults. Differences from either are written into
        the result.
    weights
        Region weights: a column (its mean by region), a mapping or a Series. Default equal.
    offset
        Column the counts are a rate of (for example total documents): the test runs on the log rate.
    bounds
        Bounds of an index: the share of cells at a bound is reported, the logit is tested on request.
    remove
        Drivers whose lags 0 to 4, own and neighbours', are taken out first ("autonomous" waves).
    placebo
        Column that should not show the same waves, such as the denominator: see `placebo_waves`.
    sign_share
        Share of the multiverse in which the result has the same sign, from 0 to 1, if it was run.

    Returns
    -------
    WaveVerdict

    Raises
    ------
    DataError
        If columns are missing, fewer than two regions or two weeks are seen, counts and offset do not fit, or
        sign_share is not a share.
    IdentificationError
        If regions and weeks fall into parts that share no observation.

    Notes
    -----
    The common path is the mean over regions of y_it - a_i (week effects of a two-way fit when unbalanced or weighted),
    smoothed by a Gaussian kernel of .04 T weeks; U, W, A3 and the drawdown are read off the smooth and held
    against the range of
    smoothed AR(1) noise. See `panelcoop.numerics.waves.ascent_test` and `decide`. Drawdowns are judged in units of the
    within-region
    standard deviation of the outcome.

    Eight half-cosines, around which the noise is fitted, hold four waves. Five or more are read as persistent noise:
    the verdict is then INCONCLUSIVE. Its reason says where twice as many half-cosines bring the root down, which they
    do for many waves and for persistent noise alike: the number belongs in the plan, before the data are seen.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(7)
    >>> u = np.linspace(0, 1, 150)
    >>> y = 6 * u + 1.5 * np.sin(6 * np.pi * u - np.pi / 2) + rng.standard_normal((31, 150))
    >>> table = pd.DataFrame(y).rename_axis(index="region", columns="week").stack().rename("cooperation").reset_index()
    >>> result = wave_test(table, outcome="cooperation")
    >>> result.verdict, result.waves
    ('WAVE_AND_SPIRAL', 2)
    """
    record = as_panel(panel)
    agreed = thresholds_for(record, thresholds)
    work = wave_input(record, outcome, weights=weights, offset=offset, bounds=bounds)
    removal = None if remove is None else as_removal(remove, record)
    if removal is not None:
        work = remove_drivers(work, record, removal)
    placebo_work = None if placebo is None else wave_input(record, placebo, weights=weights)
    return wave_test_of(
        work, outcome=outcome, thresholds=agreed, placebo=(placebo, placebo_work), sign_share=sign_share
    )


def wave_test_of(
    work: WaveInput,
    *,
    outcome: str,
    thresholds: WaveThresholds,
    placebo: tuple[str | None, WaveInput | None] = (None, None),
    sign_share: float | None = None,
) -> WaveVerdict:
    """Run the primary test on prepared arrays; `wave_test` is the way in for labelled panels."""
    share = _share(sign_share)
    if work.weeks.size < 2:
        msg = f"'{outcome}' is seen in {work.weeks.size} week; a path needs two or more."
        raise DataError(msg)
    common = work.common()
    test = _test_path(common.path, work, thresholds)
    region_sd, noise_sd = work.scales(common, test.noise.trend)
    if never_changes(work, region_sd):
        msg = f"'{outcome}' never changes within a region; there is no path to test."
        raise DataError(msg)
    shadow = _placebo(placebo, work, test, thresholds)
    finer = _finer_noise(common.path, work, test, thresholds)
    evidence = _evidence(test, region_sd, shadow, share, finer)
    return WaveVerdict(
        outcome=outcome,
        decision=decide(evidence, thresholds),
        evidence=evidence,
        test=test,
        path=_path_frame(common, test, work.weeks),
        episodes=_episode_frame(test, work.weeks),
        region_sd=region_sd,
        noise_sd=noise_sd,
        n_regions=work.counted,
        path_method=common.method,
        placebo=shadow,
        thresholds=thresholds,
        notes=work.notes + _slump_note(test, work.weeks),
    )


def thresholds_for(panel: Panel, given: WaveThresholds | None) -> WaveThresholds:
    """Return the thresholds to use: those given, compared with the plan's or the defaults; else these themselves."""
    section = getattr(panel.plan, "waves", None)
    planned = None if section is None else WaveThresholds.from_plan(section)
    if given is None:
        return planned or WaveThresholds()
    return given.compared_with(planned)


def ascent_settings(thresholds: WaveThresholds) -> AscentSettings:
    """Return the part of the thresholds that numbers depend on."""
    wanted = AscentSettings.__dataclass_fields__
    return AscentSettings(**{name: value for name, value in asdict(thresholds).items() if name in wanted})


def _test_path(path: FloatArray, work: WaveInput, thresholds: WaveThresholds) -> AscentTest:
    """Test a path; below ten weeks, which no plan calls enough, nothing is computed."""
    if path.size < FEWEST_WEEKS:
        return untested(path)
    return ascent_test(path, work.positions, ascent_settings(thresholds))


def _share(sign_share: float | None) -> float | None:
    """Return the share, None where the multiverse could not be run."""
    if sign_share is None or np.isnan(sign_share):
        return None
    if not 0 <= sign_share <= 1:
        msg = f"sign_share is a share from 0 to 1; got {sign_share:g}. Divide percentages by 100."
        raise DataError(msg)
    return sign_share


def _placebo(
    placebo: tuple[str | None, WaveInput | None], work: WaveInput, test: AscentTest, thresholds: WaveThresholds
) -> PlaceboWaves | None:
    name, shadow = placebo
    if name is None or shadow is None:
        return None
    other = _test_path(shadow.common().path, shadow, thresholds)
    return placebo_waves(name, (work, test), (shadow, other), thresholds)


def _finer_noise(path: FloatArray, work: WaveInput, test: AscentTest, thresholds: WaveThresholds) -> NoiseFit | None:
    """Fit the noise around twice as many half-cosines where its root is too high, to tell waves from persistence."""
    if test.noise.short or not test.noise.root > thresholds.maximum_root:
        return None
    finer = fit_noise(path, work.positions, cosines=2 * thresholds.cosines, cap=thresholds.root_cap)
    return finer if finer.columns > test.noise.columns else None


def _evidence(
    test: AscentTest,
    unit: float,
    shadow: PlaceboWaves | None,
    sign_share: float | None,
    finer: NoiseFit | None,
) -> Evidence:
    """Put what the rule reads into units of the within-region standard deviation."""
    return Evidence(
        weeks=test.smooth.size,
        root=test.noise.root,
        p_ascent=test.p_ascent,
        p_waves=test.p_waves,
        p_up_down_up=test.p_up_down_up,
        p_drawdown=test.p_drawdown,
        p_linear=test.p_linear,
        p_up=test.p_up,
        p_down=test.p_down,
        p_rise_persistent=test.p_rise_persistent,
        p_fall_persistent=test.p_fall_persistent,
        p_drawdown_persistent=test.p_drawdown_persistent,
        waves=test.waves,
        drawdown=test.drawdown / unit,
        threshold=test.threshold / unit,
        detectable=test.detectable / unit,
        net_rise=test.net_rise / unit,
        placebo_matches=None if shadow is None else shadow.matches,
        sign_share=sign_share,
        placebo_untestable="" if shadow is None else shadow.untestable,
        finer_cosines=0 if finer is None else finer.columns - 2,
        finer_root=None if finer is None else finer.root,
    )


def _path_frame(common: CommonPath, test: AscentTest, weeks: pd.Index) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": common.path,
            "smooth": test.smooth,
            "low": test.smooth - test.band,
            "high": test.smooth + test.band,
            "regions": common.regions.astype(int),
        },
        index=weeks.rename("week"),
    )


def _slump_note(test: AscentTest, weeks: pd.Index) -> tuple[str, ...]:
    """Warn where an episode is a slump from the start and its recovery, without a rise before it."""
    slumps = [e for e in test.episodes if test.smooth[e.peak] - test.smooth[: e.peak + 1].min() < test.threshold]
    return tuple(
        f"The episode from {weeks[e.peak]} follows no rise of its own (rise_before below c): a slump and its recovery, "
        "which U and W count as interrupted."
        for e in slumps
    )


def _episode_frame(test: AscentTest, weeks: pd.Index) -> pd.DataFrame:
    rows = [
        {
            "peak": weeks[e.peak],
            "trough": weeks[e.trough],
            "record": weeks[e.record],
            "rise_before": float(test.smooth[e.peak] - test.smooth[: e.peak + 1].min()),
            "drawdown": e.drawdown,
            "rise": e.rise,
        }
        for e in test.episodes
    ]
    frame = pd.DataFrame(rows, columns=EPISODE_COLUMNS)
    return frame.set_index(pd.RangeIndex(1, len(rows) + 1, name="episode"))
