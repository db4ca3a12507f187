"""The epidemic clock: stages that every region passes at its own time and that restart with every local outbreak."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panelcoop.options import FloatArray
from panelcoop.panel.plan_measures import EpidemicClock
from panelcoop.panel.stages import STAGES, stage_dtype

__all__ = ["EpidemicStages", "Episode", "epidemic_stages", "find_episodes", "national_outbreaks"]

GESTATION, OUTBREAK, CONTINUATION, RECOVERY = STAGES


@dataclass(frozen=True)
class Episode:
    """One local outbreak; weeks are positions in the region's series.

    Attributes
    ----------
    onset
        Week of the first local case.
    peak
        Week with most new cases.
    turn
        First week of the continuation (past the last week if growth never turned).
    end
        Last week of the continuation.
    restart
        Whether it follows the trough of another outbreak without quiet weeks between: then it has no gestation.
    baseline
        Weekly cases regarded as imported.
    size
        Cases above the baseline, from onset to end.
    """

    onset: int
    peak: int
    turn: int
    end: int
    restart: bool
    baseline: float
    size: float


@dataclass(frozen=True)
class EpidemicStages:
    """The epidemic clock of all regions.

    Attributes
    ----------
    stage
        Weeks by regions, stage names, missing where no stage is dated.
    episode
        Weeks by regions, name of the episode ("CN-HB/1"), missing before the first.
    episodes
        One row per episode: episode, region, onset, peak, end (Mondays), restart, baseline, cases.
    """

    stage: pd.DataFrame
    episode: pd.DataFrame
    episodes: pd.DataFrame


def find_episodes(cases: FloatArray, population: float, clock: EpidemicClock) -> list[Episode]:
    """Find the local outbreaks in one region's weekly cases.

    Parameters
    ----------
    cases
        New cases by week, shape (T,), NaN where unknown.
    population
        Persons.
    clock
        Parameters, see the plan.

    Returns
    -------
    list of Episode
        In order of time.

    Notes
    -----
    Counts do not tell local from imported cases. The baseline b of an onset is the median of the last
    ``baseline_weeks`` quiet weeks (weeks before the record count as zero); a week is *active* when new cases exceed
    ``baseline_ratio`` b + ``onset_cases``. A stretch begins with an active week and lasts until ``quiet_weeks``
    observed weeks in a row are not active, or until ``baseline_weeks`` weeks were steady (none above
    ``baseline_ratio`` times the median of either half), which is taken for a new imported baseline. Its first
    local case is dated back over the weeks just before that exceed ``baseline_ratio`` b at all. Stretches with
    fewer than ``minimum_size`` cases above b per million are no outbreak. A stretch is split where cases fall to
    ``trough_share`` of the lower of the peaks on both sides. The outbreak lasts until the peak; continuation begins
    with the first ``growth_weeks`` weeks of non-positive growth after it. A missing week is neither active nor quiet.

    Examples
    --------
    >>> weekly = np.array([0, 0, 0, 9, 90, 40, 7, 0, 0, 0, 0.0])
    >>> [(e.onset, e.peak, e.turn, e.end) for e in find_episodes(weekly, 1e6, EpidemicClock())]
    [(3, 4, 5, 8)]
    """
    found: list[Episode] = []
    quiet: list[float] = []
    week = 0
    while week < len(cases):
        baseline = float(np.median(([0.0] * clock.baseline_weeks + quiet)[-clock.baseline_weeks :]))
        level = clock.baseline_ratio * baseline + clock.onset_cases
        if not cases[week] > level:
            quiet += [] if np.isnan(cases[week]) else [float(cases[week])]
            week += 1
            continue
        last, end = _stretch(cases, week, level, clock)
        onset = _first_case(cases, week, clock.baseline_ratio * baseline, found[-1].end + 1 if found else 0)
        least = clock.minimum_size * population / 1e6
        if _above(cases[onset : end + 1], baseline) >= least:
            found += _episodes(cases, (onset, last, end), baseline, least, clock)
            quiet += [float(c) for c in cases[last + 1 : end + 1] if not np.isnan(c)]
        else:
            quiet += [float(c) for c in cases[week : end + 1] if not np.isnan(c)]
        week = end + 1
    return found


def epidemic_stages(cases: pd.DataFrame, population: pd.Series, clock: EpidemicClock) -> EpidemicStages:
    """Date the stages of every region from its own cases.

    Parameters
    ----------
    cases
        New cases, weeks (consecutive Mondays) by regions, NaN where unknown.
    population
        Persons by region.
    clock
        Parameters, see the plan.

    Returns
    -------
    EpidemicStages

    Notes
    -----
    Gestation is the ``gestation_weeks`` weeks before a first local case that belong to no outbreak or continuation;
    recovery every week after a continuation until the next gestation. The quiet weeks that end a continuation still
    belong to it. Weeks before the first gestation have no stage.

    Examples
    --------
    >>> weeks = pd.date_range("2020-01-06", periods=8, freq="7D")
    >>> one = pd.DataFrame({"A": [0, 0, 9, 90, 40, 0, 0, 0]}, index=weeks)
    >>> epidemic_stages(one, pd.Series({"A": 1e6}), EpidemicClock()).stage["A"].str[:4].tolist()
    ['gest', 'gest', 'outb', 'outb', 'cont', 'cont', 'cont', 'reco']
    """
    names: dict[str, list[object]] = {}
    episodes: dict[str, list[object]] = {}
    rows: list[tuple[object, ...]] = []
    for region in map(str, cases.columns):
        found = find_episodes(cases[region].to_numpy(dtype=float), float(population[region]), clock)
        names[region], starts = _paint(found, len(cases), clock.gestation_weeks)
        labels = [f"{region}/{number}" for number in range(1, len(found) + 1)]
        episodes[region] = _label_spans(labels, starts, len(cases))
        for label, one in zip(labels, found, strict=True):
            dates = [cases.index[week] for week in (one.onset, one.peak, one.end)]
            rows.append((label, region, *dates, one.restart, one.baseline, one.size))
    stage, episode = (pd.DataFrame(d, index=cases.index, columns=cases.columns) for d in (names, episodes))
    columns = ["episode", "region", "onset", "peak", "end", "restart", "baseline", "cases"]
    return EpidemicStages(stage.astype(stage_dtype()), episode, pd.DataFrame(rows, columns=columns))


def national_outbreaks(stage: pd.DataFrame, *, regions: int = 3, weeks: int = 3) -> pd.DataFrame:
    """List the spells in which many regions are in their outbreak stage at once.

    Parameters
    ----------
    stage
        Weeks by regions, see `EpidemicStages`.
    regions
        Fewest regions in outbreak that make a week part of a national outbreak.
    weeks
        Fewest weeks in a row that make a spell.

    Returns
    -------
    pandas.DataFrame
        One row per spell: outbreak (number), first_week, last_week, peak_week (Mondays), regions (at the peak).

    Examples
    --------
    >>> mondays = pd.date_range("2020-01-06", periods=3, freq="7D")
    >>> one = pd.DataFrame({"A": ["gestation", "outbreak", "outbreak"]}, index=mondays)
    >>> national_outbreaks(one, regions=1, weeks=2)["first_week"].dt.strftime("%G-W%V").tolist()
    ['2020-W03']
    """
    count = (stage == OUTBREAK).sum(axis=1)
    on = count >= regions
    spells = [spell for _, spell in count[on].groupby((on & ~on.shift(fill_value=False)).cumsum()[on])]
    rows = [
        (number, spell.index[0], spell.index[-1], spell.idxmax(), int(spell.max()))
        for number, spell in enumerate((s for s in spells if len(s) >= weeks), start=1)
    ]
    return pd.DataFrame(rows, columns=["outbreak", "first_week", "last_week", "peak_week", "regions"])


def _stretch(cases: FloatArray, first: int, level: float, clock: EpidemicClock) -> tuple[int, int]:
    """Find the last active week and the last week of a stretch that begins with an active one."""
    last, calm = first, 0
    for week in range(first, len(cases)):
        if cases[week] > level:
            last, calm = week, 0
        elif not np.isnan(cases[week]):
            calm += 1
        if calm == clock.quiet_weeks:
            return last, week
        if week - first >= clock.baseline_weeks and _steady(
            cases[week + 1 - clock.baseline_weeks : week + 1], clock.baseline_ratio
        ):
            return week - clock.baseline_weeks, week
    return last, len(cases) - 1


def _steady(recent: FloatArray, ratio: float) -> bool:
    half = len(recent) // 2
    return bool(recent.max() <= ratio * min(np.median(recent[:half]), np.median(recent[half:])))


def _first_case(cases: FloatArray, active: int, level: float, earliest: int) -> int:
    onset = active
    while onset > earliest and cases[onset - 1] > level:
        onset -= 1
    return onset


def _above(cases: FloatArray, baseline: float) -> float:
    return float(np.nansum(np.maximum(cases - baseline, 0.0)))


def _episodes(
    cases: FloatArray, span: tuple[int, int, int], baseline: float, least: float, clock: EpidemicClock
) -> list[Episode]:
    """Cut a stretch (onset, last active week, end) at its troughs and date each part."""
    onset, last, end = span
    cuts = _troughs(cases, onset, last, baseline=baseline, least=least, share=clock.trough_share)
    firsts, ends = [onset, *(cut + 1 for cut in cuts)], [*cuts, end]
    parts = [_dated(cases, first, stop, baseline, clock.growth_weeks) for first, stop in zip(firsts, ends, strict=True)]
    return [replace(part, restart=number > 0) for number, part in enumerate(parts)]


def _troughs(cases: FloatArray, first: int, last: int, *, baseline: float, least: float, share: float) -> list[int]:
    """List the weeks, in order, in which incidence had fallen to a share of the lower peak on either side."""
    best, where = np.inf, -1
    for week in range(first + 1, last):
        low = min(np.nanmax(cases[first:week], initial=0.0), np.nanmax(cases[week + 1 : last + 1], initial=0.0))
        ratio = cases[week] / low if low > 0 else np.inf
        enough = min(_above(cases[first:week], baseline), _above(cases[week + 1 : last + 1], baseline)) >= least
        if enough and ratio <= share and ratio < best:
            best, where = ratio, week
    if where < 0:
        return []
    left = _troughs(cases, first, where, baseline=baseline, least=least, share=share)
    right = _troughs(cases, where + 1, last, baseline=baseline, least=least, share=share)
    return [*left, where, *right]


def _dated(cases: FloatArray, first: int, end: int, baseline: float, growth_weeks: int) -> Episode:
    peak = first + int(np.nanargmax(cases[first : end + 1]))
    falls = np.diff(cases[peak : end + 1]) <= 0
    runs = [k for k in range(len(falls) - growth_weeks + 1) if falls[k : k + growth_weeks].all()]
    turn = peak + 1 + runs[0] if runs else end + 1
    size = _above(cases[first : end + 1], baseline)
    return Episode(first, peak, turn, end, restart=False, baseline=baseline, size=size)


def _label_spans(labels: list[str], starts: list[int], length: int) -> list[object]:
    """Give each week the label of the last span that has begun."""
    spans: list[object] = [None] * length
    for label, start in zip(labels, starts, strict=True):
        spans[start:] = [label] * (length - start)
    return spans


def _paint(found: list[Episode], length: int, gestation_weeks: int) -> tuple[list[object], list[int]]:
    """Name the stage of each week; also give the first week of each episode, its gestation included."""
    names: list[object] = [None] * length
    starts = []
    for number, one in enumerate(found):
        floor = found[number - 1].end + 1 if number else 0
        start = one.onset if one.restart else max(one.onset - gestation_weeks, floor)
        until = found[number + 1].onset if number + 1 < len(found) else length
        names[start : one.onset] = [GESTATION] * (one.onset - start)
        names[one.onset : one.turn] = [OUTBREAK] * (one.turn - one.onset)
        names[one.turn : one.end + 1] = [CONTINUATION] * (one.end + 1 - one.turn)
        names[one.end + 1 : until] = [RECOVERY] * (until - one.end - 1)
        starts.append(start)
    return names, starts
