"""greenlets.py - stacks that are copied away and back: twenty of them take turns, at
different depths, between allocations."""
import greenlet

KEEP = []


def inner(n, depth):
    if depth:
        return inner(n, depth - 1)
    KEEP.append(bytes(100 + n % 50))
    if len(KEEP) > 200:
        del KEEP[:100]
    greenlet.getcurrent().parent.switch(n)
    return [object() for _ in range(3)]


def run(k):
    for i in range(100):
        inner(i, i * k % 23)
        sorted([str(j) for j in range(20)], key=lambda s: s[::-1])


ALL = [greenlet.greenlet(run) for _ in range(20)]
for number, g in enumerate(ALL):
    g.switch(number)
while any(not g.dead for g in ALL):
    for g in ALL:
        if not g.dead:
            g.switch()
