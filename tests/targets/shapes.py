"""Allocates a size of its own in each of many shapes of Python code and prints the
stack the interpreter itself sees there: "stack SIZE file:line:name;…", innermost
first.  What the hook saw must be the same."""
import asyncio
import contextlib
import functools
import operator
import sys
import threading
import time

hold = float(sys.argv[1]) if len(sys.argv) > 1 else 0   # seconds, in each shape
S = 777000
lock = threading.Lock()


def E(i):
    """The caller's stack, for the allocation of S + i bytes beside the call."""
    frame, out = sys._getframe(1), []
    while frame:
        code = frame.f_code
        name = getattr(code, 'co_qualname', code.co_name)
        out.append('%s:%d:%s;' % (code.co_filename, frame.f_lineno or 0, name))
        frame = frame.f_back
    with lock:
        text = 'stack %d %s\n' % (S + i + 1, ''.join(out))
        sys.stdout.buffer.write(text.encode('utf-8', 'replace'))
        sys.stdout.buffer.flush()
    if hold:
        time.sleep(hold)
    return i


def recursion(n):
    if n:
        return recursion(n - 1)
    return bytearray(S + 1), E(1)


def generator():
    yield 1
    yield bytearray(S + 2), E(2)
    yield 3


def outer_generator():
    yield 0
    yield from generator_2()


def generator_2():
    yield (bytearray(S + 3),
           0) and (bytearray(S + 4), E(4))


def comprehensions():
    [(bytearray(S + 5), E(5)) for _ in range(1)]
    {len((bytearray(S + 6), E(6))) for _ in range(1)}
    {1: (bytearray(S + 7), E(7)) for _ in range(1)}
    list((bytearray(S + 8), E(8)) for _ in range(1))
    [[(bytearray(S + 9), E(9)) for _ in range(1)]
     for _ in range(1)]


def many_lines():
    return max(
        1,
        len(
            (bytearray(S + 10), E(10)),
        ),
        key=lambda x:
            (bytearray(S + 11), E(11)) and x,
    )


def callbacks():
    sorted([1], key=lambda x: (bytearray(S + 12), E(12)))
    list(map(lambda x: (bytearray(S + 13), E(13)), [1]))
    functools.reduce(lambda a, b: (bytearray(S + 14), E(14)), [1, 2])
    functools.partial(lambda a: (bytearray(S + 15), E(15)), 1)()
    list(filter(lambda x: (bytearray(S + 16), E(16)),
                [1]))


def exceptions():
    try:
        try:
            raise KeyError(1)
        except KeyError:
            bytearray(S + 17), E(17)
            raise
        finally:
            bytearray(S + 18), E(18)
    except KeyError as e:
        x = e; bytearray(S + 19), E(19)


class Shape:
    bytearray(S + 20), E(20)

    def __init__(self):
        bytearray(S + 21), E(21)

    def __getattr__(self, name):
        return bytearray(S + 22), E(22)

    def __add__(self, other):
        return bytearray(S + 23), E(23)

    def __getitem__(self, i):
        return (bytearray(S + 24),
                0) and (bytearray(S + 25), E(25))

    def __lt__(self, other):
        return bool((bytearray(S + 26), E(26)))

    def __call__(self):
        return bytearray(S + 27), E(27)

    @property
    def value(self):
        return bytearray(S + 28), E(28)

    def __enter__(self):
        bytearray(S + 29), E(29)

    def __exit__(self, *why):
        bytearray(S + 30), E(30)

    def __del__(self):
        bytearray(S + 31), E(31)

    def __iter__(self):
        yield bytearray(S + 32), E(32)

    def __hash__(self):
        return (bytearray(S + 33), E(33)) and 1

    class Inner:
        def method(self):
            return bytearray(S + 34), E(34)


def methods():
    s = Shape()
    s.absent
    s + \
        1
    s[1]
    s < s
    s()
    s.value
    operator.add(s, 1)
    with s:
        pass
    list(s)
    {s}
    Shape.Inner().method()
    del s


def decorate(f):
    @functools.wraps(f)
    def wrapped(*a, **k):
        return f(*a, **k), bytearray(S + 35), E(35)
    return wrapped


@decorate
@decorate
def decorated(a, *, b=1):
    return bytearray(S + 36), E(36)


@contextlib.contextmanager
def manager():
    bytearray(S + 37), E(37)
    yield
    bytearray(S + 38), E(38)


def contexts():
    with manager():
        bytearray(S + 39), E(39)


async def leaf(i):
    await asyncio.sleep(0)
    bytearray(S + i), E(i)


async def agen():
    yield bytearray(S + 40), E(40)


async def main():
    await leaf(41)
    await asyncio.gather(leaf(42),
                         leaf(43))
    async for _ in agen():
        bytearray(S + 44), E(44)
    [_ async for _ in agen()]


def größe_名前():
    return bytearray(S + 45), E(45)


def closure(x):
    y = x

    def inner():
        return (bytearray(S + 46), E(46), x, y)
    return inner()


def executed():
    text = '\n\ndef f():\n  return (bytearray(S + 47),\n  0), bytearray(S + 48), E(48)\nf()\n'
    exec(compile(text, '<größe 名 \U0001f600>', 'exec'), {'S': S, 'E': E})
    eval(compile('[f() for _ in (1,)]', 'evaluated', 'eval'),
         {'f': lambda: (bytearray(S + 49), E(49))})
    for i in range(50, 60):         # code objects that die at once: addresses return
        exec(compile('\n' * i + 'bytearray(S + %d), E(%d)' % (i, i), 'short %d' % i, 'exec'),
             {'S': S, 'E': E})


def loops():
    for i in range(2):
        while True:
            if i == 0:
                break
            bytearray(S + 60), E(60)
            break
    x = (bytearray(S + 61), E(61)) if i else \
        None
    return x


def default(a=(bytearray(S + 62), E(62))):
    return a


def thread():
    t = threading.Thread(target=lambda: (bytearray(S + 63), recursion_2(3)), name='worker')
    t.start()
    t.join()


def recursion_2(n):
    return recursion_2(n - 1) if n else (bytearray(S + 64), E(64))


def send():
    def receiver():
        x = yield
        bytearray(S + 65), E(65)
        try:
            yield x
        finally:
            bytearray(S + 66), E(66)
    r = receiver()
    next(r)
    r.send(1)
    r.close()


def sub_interpreter():
    """Its stack ends where it begins; it prints its own."""
    try:
        import _interpreters as interpreters
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            return
    script = ('import sys, time\nS = 777000\ndef f(i):\n  return bytearray(S + i), '
              'sys.stdout.write("stack %%d %%s:4:f;%%s:5:<module>;\\n" %% ((S + i + 1,) + '
              '(sys._getframe().f_code.co_filename,) * 2)), '
              'sys.stdout.flush(), time.sleep(%r)\nf(67)\n')
    i = interpreters.create()
    interpreters.run_string(i, script % hold)
    interpreters.destroy(i)


recursion(5)
list(generator())
list(outer_generator())
comprehensions()
many_lines()
callbacks()
exceptions()
methods()
decorated(1)
contexts()
asyncio.run(main())
größe_名前()
closure(1)
executed()
loops()
default()
thread()
send()
sub_interpreter()
