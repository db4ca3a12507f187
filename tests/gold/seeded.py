"""Data that other programs were run on and that a seed makes anew, draw by draw; and panels of Python packages.

The recipes are those of the test suite of StatsPAI 1.40.2 (MIT), whose files of printed numbers the cases name.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["DATA", "leverage_designs"]


def feols_grid() -> pd.DataFrame:
    """1,500 rows of 60 firms and 12 years; clusters g of four firms, h across."""
    rng, n = np.random.default_rng(20261017), 1500
    firm, year = rng.integers(0, 60, n), rng.integers(0, 12, n)
    h = rng.integers(0, 15, n)
    own, common = rng.normal(size=60)[firm], rng.normal(size=12)[year]
    x1 = rng.normal(size=n) + 0.5 * own
    x2, w = rng.normal(size=n), rng.uniform(0.3, 3.0, n)
    noise = rng.normal(size=n) * (0.5 + np.abs(x2)) + rng.normal(size=16)[firm // 4]
    y = 1 + 0.8 * x1 - 0.4 * x2 + own + 0.5 * common + noise
    numbers = pd.DataFrame({"y": y, "x1": x1, "x2": x2, "w": w}).round(10)
    return numbers.assign(firm=firm, year=year, g=firm // 4, h=h)


def unbalanced() -> pd.DataFrame:
    """150 firms over 8 years, one row in eight missing; counts as well."""
    rng, rows = np.random.default_rng(20261003), []
    for firm in range(150):
        own = rng.normal()
        for year in range(8):
            if rng.uniform() < 0.12:
                continue
            x1, x2 = rng.normal() + 0.5 * own, rng.normal() + 0.1 * year
            noise = rng.normal() * (0.6 + 0.4 * abs(x1))
            y = 1.0 + 0.8 * x1 - 0.5 * x2 + own + 0.2 * year + noise
            rows.append((firm, year, firm % 25, (firm * 7 + year) % 20, y, x1, x2, rng.uniform(0.5, 3.0)))
    data = pd.DataFrame(rows, columns=["firm", "year", "g", "c2", "y", "x1", "x2", "w"])
    again = np.random.default_rng(20261004)
    level = again.normal(scale=0.4, size=150)[data["firm"]]
    mean = np.exp(0.3 * data["x1"] - 0.2 * data["x2"] + level + 0.08 * data["year"])
    return data.assign(count=again.negative_binomial(n=3, p=3 / (3 + mean)))


def menu() -> pd.DataFrame:
    """360 rows in time order: clusters g (12), yr (9) and h (5), weights."""
    rng, n = np.random.default_rng(20261015), 360
    g, yr, h = (rng.integers(0, size, n) for size in (12, 9, 5))
    rng.uniform(size=2 * n)
    w = rng.uniform(0.5, 3.0, n)
    of_g, of_yr = rng.normal(0, 0.6, 12)[g], rng.normal(0, 0.4, 9)[yr]
    serial = np.empty(n)
    serial[0] = rng.normal()
    for i in range(1, n):
        serial[i] = 0.5 * serial[i - 1] + rng.normal()
    x1, x2 = rng.normal(size=n) + 0.3 * of_g, rng.normal(size=n)
    x3 = rng.normal(size=n) + 0.5 * rng.normal(0, 1, 12)[g]
    z1 = rng.normal(size=n) + 0.2 * rng.normal(0, 1, 12)[g]
    z2 = rng.normal(size=n)
    u = of_g + of_yr + serial * (0.6 + 0.4 * np.abs(x2))
    d = 0.8 * z1 + 0.5 * z2 + 0.3 * x1 + 0.6 * u + rng.normal(size=n)
    y = 1.0 + 0.15 * d + 0.4 * x1 - 0.3 * x2 + 0.0 * x3 + u
    return pd.DataFrame(
        {"y": y, "d": d, "x1": x1, "x2": x2, "x3": x3, "w": w, "g": g, "yr": yr, "h": h, "t": range(n), "one": 0}
    )


def hac_panel() -> pd.DataFrame:
    """100 units over 12 periods, with effects and clusters across."""
    rng, n = np.random.default_rng(20261019), 1200
    f1, f2, f3, cl = (rng.integers(0, size, n) for size in (30, 8, 5, 12))
    a1, a2, a3 = rng.normal(size=30), rng.normal(size=8), 0.3 * rng.normal(size=5)
    x1, x2 = rng.normal(size=n) + 0.3 * a1[f1], rng.normal(size=n)
    rng.normal(size=3 * n)
    rng.normal(size=n)
    y = 1 + 0.5 * x1 - 0.3 * x2 + (a1[f1] + a2[f2]) + a3[f3] + rng.normal(size=n)
    numbers = pd.DataFrame({"y": y, "x1": x1, "x2": x2}).round(8)
    return numbers.assign(
        id=np.arange(n) // 12, t=np.arange(n) % 12, f1=f1, f3=f3, cl=cl, shifted=numbers["y"] + 0.33 * numbers["x2"]
    )


def spanned() -> pd.DataFrame:
    """100 units in 10 regions over 10 years: region-years span the years."""
    rng = np.random.default_rng(20260929)
    unit, year = (a.ravel() for a in np.indices((100, 10)))
    x = rng.normal(size=100)[unit] * (year >= 5) + rng.normal(size=1000) * 0.1
    x2 = rng.normal(size=1000)
    rng.normal(size=10)
    rng.normal(size=1000)
    y = 0.5 * x + 0.3 * x2 + rng.normal(size=1000)
    return pd.DataFrame({"y": y, "x": x, "x2": x2, "unit": unit, "year": year, "region_year": unit // 10 * 100 + year})


def industries() -> pd.DataFrame:
    """40 firms in 10 industries over 8 years."""
    rng, rows = np.random.default_rng(20260929), []
    of_firm, of_industry = rng.normal(size=40), rng.normal(size=10)
    for firm in range(40):
        for _ in range(8):
            z, w, v = rng.normal(), rng.normal(), rng.normal()
            x = 0.7 * z + 0.3 * w + 0.5 * of_firm[firm] + v
            y = 0.5 * x + 0.2 * w + of_firm[firm] + of_industry[firm // 4] + 0.6 * v + rng.normal()
            rows.append((firm, firm // 4, y, x, w))
    return pd.DataFrame(rows, columns=["firm", "ind", "y", "x", "w"])


def crossed(ways: int) -> pd.DataFrame:
    """4,000 rows in 40 x 50 (x 30) crossed clusters."""
    rng, sizes = np.random.default_rng(42), (40, 50, 30)[:ways]
    groups = [rng.integers(0, size, 4000) for size in sizes]
    x = rng.normal(size=4000) + 0.3 * groups[0] / 40
    noise = rng.normal(size=4000)
    for group, size in zip(groups, sizes, strict=True):
        noise = noise + rng.normal(size=size)[group]
    data = pd.DataFrame({"y": 1.0 + 0.5 * x + noise, "x": x})
    return data.assign(**{f"g{i + 1}": group for i, group in enumerate(groups)})


def series() -> pd.DataFrame:
    """200 periods of one unit."""
    rng = np.random.default_rng(42)
    x, e, y = rng.normal(0, 1, 200), rng.normal(0, 1, 200), np.zeros(200)
    for t in range(1, 200):
        y[t] = 0.5 * y[t - 1] + 0.3 * x[t] + e[t]
    return pd.DataFrame({"y": y, "x": x, "one": 0, "t": range(200)})


def origins() -> pd.DataFrame:
    """500 counts of five origins."""
    rng = np.random.default_rng(42)
    origin, x1 = rng.integers(0, 5, 500), rng.normal(0, 1, 500)
    x2 = rng.binomial(1, 0.5, 500).astype(float)
    return pd.DataFrame(
        {"y": rng.poisson(np.exp(0.5 + 0.3 * x1 - 0.4 * x2 + 0.2 * origin)), "x1": x1, "x2": x2, "origin": origin}
    )


def gravity() -> pd.DataFrame:
    """500 counts with effects of origin, destination and year."""
    rng, rows = np.random.default_rng(42), []
    for i in range(50):
        origin, dest = i % 5, (i // 5) % 5
        for t in range(10):
            dist, contig = rng.uniform(1.0, 5.0), rng.binomial(1, 0.3)
            line = -0.8 * np.log(dist) + 0.4 * contig + 0.2 * origin + 0.3 * dest + 0.05 * t - 1.0
            rows.append((rng.poisson(np.exp(line)), np.log(dist), contig, origin, dest, t))
    return pd.DataFrame(rows, columns=["trade", "log_dist", "contig", "origin", "dest", "year"])


def crossed_counts() -> pd.DataFrame:
    """600 counts, two effects and two cluster variables."""
    rng, n = np.random.default_rng(3), 600
    o, d, ca, cb = (rng.integers(0, size, n) for size in (8, 8, 11, 13))
    x1, x2 = rng.normal(size=n), rng.normal(size=n)
    y = rng.poisson(np.exp(1.0 + 0.4 * x1 - 0.3 * x2 + 0.1 * o - 0.1 * d))
    return pd.DataFrame({"y": y, "x1": x1, "x2": x2, "o": o, "d": d, "ca": ca, "cb": cb})


def placed_counts() -> pd.DataFrame:
    """400 counts with a place each; y without and y2 with an effect of the firm."""
    rng, again, n = np.random.default_rng(31), np.random.default_rng(32), 400
    lat, lon = rng.uniform(30, 45, n), rng.uniform(-120, -100, n)
    x1, x2 = rng.normal(size=n), rng.normal(size=n)
    y = rng.poisson(np.exp(0.3 + 0.4 * x1 - 0.25 * x2))
    firm = again.integers(0, 5, n)
    y2 = again.poisson(np.exp(0.3 + 0.4 * x1 - 0.25 * x2 + 0.1 * firm))
    return pd.DataFrame({"y": y, "y2": y2, "x1": x1, "x2": x2, "firm": firm, "lat": lat, "lon": lon})


def doses() -> pd.DataFrame:
    """60 units in 12 clusters over 10 years, a dose from the sixth on."""
    rng, rows = np.random.default_rng(20260929), []
    dose = rng.gamma(2.0, 0.5, 60)
    of_unit, of_year, shock = rng.normal(size=60), rng.normal(size=10), rng.normal(scale=0.8, size=(12, 10))
    for unit in range(60):
        for year in range(10):
            given, x2 = dose[unit] * (year >= 5), rng.normal()
            y = 0.15 * given + 0.3 * x2 + of_unit[unit] + of_year[year] + shock[unit % 12, year] + rng.normal()
            rows.append((unit, year, unit % 12, given, x2, y))
    return pd.DataFrame(rows, columns=["unit", "year", "cl", "d", "x2", "y"])


def nine_cells() -> pd.DataFrame:
    """360 rows in three by three cells."""
    rng, n = np.random.default_rng(20261020), 360
    a, b = rng.integers(1, 4, n), rng.integers(1, 4, n)
    cell = rng.normal(size=(4, 4))
    x, w = rng.normal(size=n) + 0.3 * a, rng.normal(size=n)
    y = 1.0 + 0.4 * x - 0.5 * w + cell[a, b] + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "w": w}).round(12).assign(a=a, b=b, ab=a * 10 + b)


def leverage_designs() -> list[pd.DataFrame]:
    """Five designs for CRV2: balanced, with clusters of one row, a cluster-level column, two effects, few clusters."""
    rng, made = np.random.default_rng(20261020), []
    for design in range(5):
        if design == 3:
            g, t = (a.ravel() for a in np.indices((12, 6)))
            x1, x2 = rng.normal(size=72) + 0.5 * rng.normal(size=12)[g], rng.normal(size=72)
            y = 0.4 * x1 - 0.3 * x2 + rng.normal(size=12)[g] + rng.normal(size=72)
            made.append(pd.DataFrame({"g": g, "t": t, "x1": x1, "x2": x2, "y": y}))
            rng.normal(size=(2, 3))
            continue
        sizes = _cluster_sizes(design, rng)
        g = np.repeat(np.arange(sizes.size), sizes)
        x1, x2 = rng.normal(size=g.size) + rng.normal(size=sizes.size)[g], rng.normal(size=g.size)
        x3 = rng.normal(size=sizes.size)[g] if design == 2 else rng.standard_t(3, size=g.size)
        if design == 4:
            x1[0] = 8.0
        y = 0.3 * x1 - 0.2 * x2 + 0.1 * x3 + rng.normal(size=sizes.size)[g] + rng.normal(size=g.size)
        made.append(pd.DataFrame({"g": g, "x1": x1, "x2": x2, "x3": x3, "y": y}))
        rng.normal(size=(2, 3))
    return made


def _cluster_sizes(design: int, rng: np.random.Generator) -> np.ndarray:
    if design == 0:
        return np.full(18, 12)
    low, high, count = {1: (1, 25, 30), 2: (5, 20, 22), 4: (3, 40, 9)}[design]
    sizes = rng.integers(low, high, size=count)
    if design == 1:
        sizes[[0, 7]] = 1
    return sizes


def grunfeld() -> pd.DataFrame:
    """The ten firms of Grunfeld's data that R and Stata ship, from statsmodels."""
    import statsmodels.api as sm

    data = sm.datasets.grunfeld.load_pandas().data.rename(columns={"invest": "inv"})
    data = data[data["firm"] != "American Steel"]
    return data.assign(inverse=1 / data["value"]).reset_index(drop=True)


def produc() -> pd.DataFrame:
    """Munnell's 48 states over 17 years, plm's Produc, from linearmodels."""
    from linearmodels.datasets import munnell

    data = munnell.load()
    logs = {
        name: np.log(data[column]) for name, column in {"gsp": "GSP", "pcap": "P_CAP", "pc": "PC", "emp": "EMP"}.items()
    }
    return pd.DataFrame(logs).assign(unemp=data["UNEMP"], state=data["ST_ABB"], year=data["YR"])


DATA = {
    recipe.__name__: recipe
    for recipe in (
        feols_grid, unbalanced, menu, hac_panel, spanned, industries, series, origins, gravity, crossed_counts,
        placed_counts, doses, nine_cells, grunfeld, produc,
    )
} | {"crossed2": lambda: crossed(2), "crossed3": lambda: crossed(3)}  # fmt: skip
