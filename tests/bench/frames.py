"""frames.py - a numpy and pandas pipeline: make, join, group, sort, pivot."""
import numpy
import pandas

RANDOM = numpy.random.default_rng(1)


def make(n):
    return pandas.DataFrame({
        "key": RANDOM.integers(0, 500, n), "day": RANDOM.integers(0, 30, n),
        "name": [f"n{i % 997}" for i in range(n)], "value": RANDOM.normal(size=n),
    })


def once(n):
    left, right = make(n), make(n // 10).drop_duplicates("key")
    both = left.merge(right, on="key", suffixes=("", "_right"))
    both["scaled"] = both.value * both.value_right
    grouped = both.groupby(["key", "day"]).scaled.agg(["sum", "mean", "max"])
    table = both.pivot_table(index="key", columns="day", values="value", aggfunc="mean")
    return grouped.sort_values("sum").head(10), table.fillna(0).to_numpy().sum()


for _ in range(5):
    once(60000)
