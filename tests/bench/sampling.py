"""What a sampler costs the program it samples, and itself: mp-sample beside py-spy."""
import os
import re
import signal
import statistics
import subprocess
import sys
import time

HZ, THREADS, SECONDS = 100, 20, 2


def py_spy(build):
    """py-spy from PyPI, or None."""
    env = os.path.join(build, "venv-py-spy")
    found = os.path.join(env, "bin", "py-spy")
    if not os.path.exists(found):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([sys.executable, "-m", "venv", env], check=False, **quiet)
        subprocess.run([os.path.join(env, "bin", "pip"), "install", "-q", "py-spy"],
                       check=False, **quiet)
    return found if os.path.exists(found) else None


def ways(bin_, spy, out):
    yield "no sampler", None
    ours = [os.path.join(bin_, "mp-sample"), "-r", str(HZ), "-o", out]
    yield "mp-sample", ours
    yield "mp-sample --native", ours + ["--native"]
    yield "mp-sample --stop", ours + ["--stop"]
    if spy:
        record = [spy, "record", "-r", str(HZ), "-f", "raw", "-o", out]
        yield "py-spy --nonblocking", record + ["--nonblocking"]
        yield "py-spy", record


def once(threads, argv):
    """Shares of time lost and, as the sampler says, stopped; its share of a core and its
    resident set (MB)."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "busy.py")
    target = subprocess.Popen([sys.executable, script, str(threads), str(SECONDS)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    target.stdout.readline()
    cpu = size = stopped = 0
    if argv:
        begin = time.monotonic()
        # nothing of ours is held open in it
        sampler = subprocess.Popen(argv + ["-p", str(target.pid)], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(1)
    target.stdin.write("go\n")
    target.stdin.flush()
    lost = float(target.stdout.readline())
    if argv:
        if sampler.poll() is not None:
            raise SystemExit("bench: %s ended by itself" % " ".join(argv))
        with open("/proc/%d/status" % sampler.pid, encoding="ascii") as f:
            size = int(re.search(r"VmHWM:\s*(\d+)", f.read()).group(1)) / 1024
        sampler.send_signal(signal.SIGINT)
        said = re.search(r"stops by ptrace: .*, ([0-9.]*) %", sampler.stderr.read())
        stopped = float(said.group(1)) / 100 if said else 0
        used = os.wait4(sampler.pid, 0)[2]
        cpu = (used.ru_utime + used.ru_stime) / (time.monotonic() - begin)
    target.communicate()
    return lost, stopped, cpu, size


def sampling(build, bin_, tmp, repeats):
    spy = py_spy(build)
    if not spy:
        print("bench: py-spy cannot be installed here")
    print("\nsampling at %d Hz, stacks of 22 calls: the busy thread's loss (gaps over 40 us),"
          " stops by ptrace, the sampler's CPU and size; medians\n| waiting threads | sampler |"
          " lost %% | stopped %% | its CPU %% | its MB |\n|%s" % (HZ, "---|" * 6),
          flush=True)
    for threads in (0, THREADS):
        chosen = list(ways(bin_, spy, os.path.join(tmp, "sampled")))
        got = {name: [] for name, argv in chosen}
        for _ in range(max(repeats, 3)):
            for name, argv in chosen:
                got[name].append(once(threads, argv))
        for name, results in got.items():
            lost, stopped, cpu, size = (statistics.median(r[i] for r in results)
                                        for i in range(4))
            print("| %d | %s | %.2f | %.2f | %.2f | %.1f |" %
                  (threads, name, lost * 100, stopped * 100, cpu * 100, size), flush=True)
