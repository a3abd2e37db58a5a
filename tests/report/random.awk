# random.awk - a trace as text: N allocations (-v n=) from some forty stacks of two
# threads over ten seconds, most freed sooner or later, with RSS and a mark.
function rnd(limit) {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return int(seed / 65536) % limit
}
BEGIN {
    OFS = "\t"
    seed = 7
    print "##mp=trace 1"
    print "##command=python3 random.py --size 'ten'"
    print "P", 1, 77, "", "", "python3"
    print "T", 1, 1, 77, "", "MainThread"
    print "T", 2, 1, 78, "", "worker"
    for (i = 1; i <= n; i++) {
        t = sprintf("%.0f", i * 1e10 / n)
        thread = 1 + (rnd(4) == 0)
        f = rnd(20)
        stack = "main (main.c:3);<module> (app.py:1) [py:1];run" f " (pkg/part" f % 5 ".py:" 10 + f ") [py:" 9 + f "]"
        if (rnd(3) == 0)
            stack = stack ";grow (grow.c:" 5 + f % 2 ")"
        if (rnd(9) == 0)
            stack = "main (main.c:3);start (main.c:" 7 + f ")"
        size = rnd(5) ? 16 * (1 + f) : 1 + rnd(5000)
        print "alloc", t, thread, i, size, rnd(2) ? "malloc" : "PyObject_Malloc", stack
        live[++lives] = i
        while (lives && rnd(2)) {
            at = 1 + rnd(lives)
            print "free", t, thread, live[at]
            live[at] = live[lives--]
        }
        if (i % 50 == 0)
            print "series", t, 1, "rss", 1000000 + 5000 * lives
    }
    print "mark", t, 1, 1, "halfway", 0
    print "end"
}
