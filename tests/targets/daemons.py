"""Daemon threads that allocate while the interpreter is torn down."""
import threading
import time


def work():
    kept = []
    while True:
        kept.append([str(i) for i in range(50)])
        kept = kept[-100:]


for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
