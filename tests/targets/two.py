"""Two interpreters in one process: two.py LIBPYTHON HOME SECONDS.  The second, of the library,
runs in the main thread, inside of a function of the first one, and in a thread that is its own;
prints "ready"."""
import ctypes
import os
import sys
import threading
import time

RTLD_DEEPBIND = 8
lib = ctypes.CDLL(sys.argv[1], mode=ctypes.DEFAULT_MODE | RTLD_DEEPBIND)
home = ctypes.c_wchar_p(sys.argv[2])
seconds = float(sys.argv[3])
lib.PyEval_SaveThread.restype = ctypes.c_void_p
lib.PyEval_RestoreThread.argtypes = [ctypes.c_void_p]


def waiting():
    time.sleep(seconds + 1)


def outer():
    lib.PyRun_SimpleString(b"""
import time
def inner(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for i in range(1000):
            pass
inner(%f)
""" % seconds)


def own():
    state = lib.PyGILState_Ensure()
    lib.PyRun_SimpleString(b"""
import time
def alone(seconds):
    time.sleep(seconds)
alone(%f)
""" % seconds)
    lib.PyGILState_Release(state)


threading.Thread(target=waiting, daemon=True).start()
lib.Py_SetPythonHome(home)
lib.Py_InitializeEx(0)
state = lib.PyEval_SaveThread()
threading.Thread(target=own, daemon=True).start()
time.sleep(0.2)
lib.PyEval_RestoreThread(state)
print('ready', flush=True)
outer()
os._exit(0)
