"""Burns CPU for argv[1] seconds in three functions, in turn, and prints the share of it
that each had by the thread's own clock: "NAME SHARE" in thousandths.  With more operands:
that many threads beside, which wait."""
import sys
import threading
import time

used = {}


def burn(name, seconds):
    end = time.thread_time() + seconds
    begin = time.thread_time()
    while time.thread_time() < end:
        for _ in range(200):
            pass
    used[name] = used.get(name, 0) + time.thread_time() - begin


def much():
    burn('much', 0.006)


def some():
    burn('some', 0.003)


def little():
    burn('little', 0.001)


lock = threading.Lock()
lock.acquire()
for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0):
    threading.Thread(target=lock.acquire, daemon=True).start()
print('ready', flush=True)
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    much()
    some()
    little()
for name in used:
    print(name, round(1000 * used[name] / sum(used.values())))
