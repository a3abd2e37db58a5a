"""page.py FILE.html STEP... - open a report, take steps, print what they give as JSON.

A step is a JavaScript expression, or  key:NAME  key:shift+NAME  drag:A-B (buckets of the
timeline)  tab  size:WxH  dark  print:PDF  open:FILE (another report).  Fails if the page did what it must not: an
error on the console, a dialog, a request for anything but itself.
"""
import json
import sys

from browser import Browser, Page

# What a reader sees of a section's first table: names, and the exact figures behind the
# rounded ones (a cell's title has them).
HELPERS = r"""
window.digits = (s) => Number((s || '').replace(/\u2212/g, '-').replace(/[^0-9-]/g, ''));
window.nameOf = (td) => {
    const strong = td.querySelector('strong'), place = td.querySelector('.place');
    if (!strong) return td.textContent;
    return strong.textContent + (place && place.title ? ` (${place.title})` : '');
};
window.table = (id, nth = 0) => {
    const root = document.getElementById(id).querySelectorAll('.table')[nth];
    const head = [...root.querySelectorAll('thead th')].map((th) =>
        th.textContent.replace(/[\u25be\u25b4]/g, ''));
    return [...root.querySelectorAll('tbody tr:not(.rest)')].map((tr) => Object.fromEntries(
        [...tr.children].map((td, i) => [head[i], td.classList.contains('what') ? nameOf(td)
            : td.title ? digits(td.title) : td.textContent])));
};
window.allRows = (id) => { app.page[id].table.shown = 1e6; app.page[id].table.draw(); };
window.box = (name) => [...document.querySelectorAll('#stacks .box')].find((b) =>
    b.getAttribute('aria-label').startsWith(name));
"""


def drag(page, what):
    first, last = (int(x) for x in what.split("-"))
    page.eval("document.getElementById('timeline').scrollIntoView()")
    at = page.eval("""(() => { const c = document.querySelector('.chart').getBoundingClientRect();
        const n = app.run.n, w = c.width - LEFT - RIGHT;
        return [c.left + LEFT, w / n, c.top + 100]; })()""")
    page.drag(at[0] + (first + 0.1) * at[1], at[2], at[0] + (last - 0.1) * at[1], at[2])


def step(page, what):
    kind, _, rest = what.partition(":")
    if kind == "key":
        shift, _, key = rest.rpartition("+") if rest.startswith("shift+") else ("", "", rest)
        page.key(key, bool(shift))
    elif what == "tab":
        page.key("Tab")
    elif kind == "drag":
        drag(page, rest)
    elif kind == "size" and "x" in rest:
        page.resize(*(int(x) for x in rest.split("x")))
        page.settle()
    elif what == "dark":
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        page.settle()
    elif kind == "print":
        page.pdf(rest)
    else:
        value = page.eval(what)
        page.settle()
        if value is not None:
            print(json.dumps(value, ensure_ascii=False, sort_keys=True))


def main():
    with Browser() as browser:
        wrong, page = [], None
        for what in ["open:" + sys.argv[1], *sys.argv[2:]]:
            if what.startswith("open:"):
                wrong += page.wrong() if page else []
                page = Page(browser, what[5:])
                page.eval(HELPERS + "; null")
            else:
                step(page, what)
        wrong += page.wrong()
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
