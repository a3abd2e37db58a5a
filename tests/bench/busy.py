"""busy.py THREADS SECONDS - one thread that is busy, THREADS that wait, all 22 calls deep.

Prints "ready", waits for a line, then measures for SECONDS which share of the time the
busy one did not run (gaps in its own clock of more than 40 us), and prints it."""
import sys
import threading
import time

GAP = 40e-6
lock = threading.Lock()
lock.acquire()


def wait(n):
    if n:
        wait(n - 1)
    else:
        lock.acquire()


def busy(n, seconds):
    if n:
        return busy(n - 1, seconds)
    lost, last = 0, time.perf_counter()
    end = last + seconds
    while last < end:
        now = time.perf_counter()
        if now - last > GAP:
            lost += now - last
        last = now
    return lost / seconds


for _ in range(int(sys.argv[1])):
    threading.Thread(target=wait, args=(20,), daemon=True).start()
print("ready", flush=True)
sys.stdin.readline()
print(busy(20, float(sys.argv[2])), flush=True)
