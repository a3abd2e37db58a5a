"""compare.py TRACE REPORT - every table of a report against the programs that give the
same figures, in the whole run and in windows chosen by dragging over the timeline.
"""
import json
import re
import subprocess
import sys

from browser import Browser, Page
from page import HELPERS, drag

COLUMNS = {"peak": ("Peak", "Blocks"), "live": ("Leaked", None), "total": ("Allocated", "Count")}


def told(trace, view, window, by, frames):
    """What mp-top says: name -> (bytes, count), of rows that are not empty."""
    command = ["mp-top", "--json", "--view", view, "--by", by, "--frames", frames]
    if window:
        command += ["--between", window]
    out = subprocess.run(command + [trace], check=True, capture_output=True, text=True).stdout
    rows = {}
    for line in out.splitlines():
        row = json.loads(line)
        name = re.sub(r" \[([^]]*)\]$", r" (\1)", row["name"])
        if row["bytes"] or row["count"]:
            rows[name] = (row["bytes"], row["count"])
    return rows


def shown(rows, view, name):
    size, count = COLUMNS[view]
    out = {}
    for row in rows:
        if row[size] or (count and row[count]):
            out[row[name]] = (row[size], row[count] if count else None)
    return out


def same(what, got, want):
    if next(iter(got.values()), (0, None))[1] is None:
        want = {k: (v[0], None) for k, v in want.items() if v[0]}
    if got != want:
        for k in sorted(set(got) | set(want)):
            if got.get(k) != want.get(k):
                print(f"{what}: {k}: the page says {got.get(k)}, mp-top {want.get(k)}")
        return False
    return True


def seconds(ns):
    return f"{ns // 10**9}.{ns % 10**9:09d}"


def check(page, trace, a, b):
    n, edges = page.eval("[app.run.n, [edge(app.run, %d), edge(app.run, %d)]]" % (a, b))
    window = None
    if a > 0 or b < n:
        window = f"{seconds(edges[0]) if a else ''},{seconds(edges[1]) if b < n else ''}"
    good = True
    for frames in ("default", "all"):
        page.eval("app.set('frames', '%s')" % {"default": "python", "all": "all"}[frames])
        for by, title in (("line", "Line"), ("function", "Function")):
            page.eval("document.querySelector('#objects [data-value=%s]').click()" % by)
            page.settle()
            page.eval("allRows('objects')")
            rows = page.eval("table('objects')")
            for view in COLUMNS:
                want = told(trace, view, window, by, frames)
                good &= same(f"{a}-{b} {by} {frames} {view}", shown(rows, view, title), want)
    kinds = page.eval("app.page.objects.kinds.rows.map((r) => [r.name, r.peakBytes, r.leakedBytes, r.allocatedBytes,"
                      " r.allocatedCount])")
    want = told(trace, "total", window, "kind", "default")
    good &= same(f"{a}-{b} kinds", {k[0]: (k[3], k[4]) for k in kinds if k[3] or k[4]}, want)
    return good


def main():
    trace, report = sys.argv[1:]
    good = True
    with Browser() as browser:
        page = Page(browser, report)
        page.eval(HELPERS + "; null")
        n = page.eval("app.run.n")
        good &= check(page, trace, 0, n)
        for a, b in ((2, n // 2), (0, n // 2), (n // 3, n // 3 + 1), (n // 4, n - 3), (n // 5, n)):
            drag(page, f"{max(a, 2)}-{min(b, n - 3)}")
            # what is under a handle moves it: the ends of the run are reached by keys
            for edge, key in [("start", "Home")] * (a == 0) + [("end", "End")] * (b == n):
                page.eval(f"document.querySelector('.handle.{edge}').focus()")
                page.key(key)
            if page.eval("app.window") != [a, b]:
                print(f"dragged {a}-{b}, the window is {page.eval('app.window')}")
                good = False
            good &= check(page, trace, a, b)
        for line in page.wrong():
            print(line)
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
