"""Code objects that live a moment, so that their addresses return at once; each
allocates a size of its own and prints the stack to be expected there, as shapes.py
does.  In threads, and with weak references that call back while the code dies."""
import sys
import threading
import types
import weakref

S = 200001
out = []


def outward(frame, lines):
    text = ''
    while frame:
        code = frame.f_code
        text += '%s:%d:%s;' % (code.co_filename, frame.f_lineno + lines,
                               getattr(code, 'co_qualname', code.co_name))
        frame, lines = frame.f_back, 0
    return text


def one(i):
    text = '\n' * (i % 7) + 'def f%d():\n  return bytearray(S + %d)\nf%d()\n' % (i, i, i)
    code, line = compile(text, 'short %d' % i, 'exec'), i % 7 + 1
    head = 'stack %d short %d:%d:f%d;short %d:%d:<module>;' % (S + i + 1, i, line + 1, i, i, line + 2)
    out.append(head + outward(sys._getframe(), 1))
    exec(code, {'S': S})


def dying(i):
    """The only reference to the code is the frame that runs it."""
    def died(ref):
        fill = bytearray(300000 + i)
        codes = [compile('1', 'x', 'eval') for _ in range(3)]
        return fill, codes
    code = compile('bytearray(%d)' % (S + i), 'dying %d' % i, 'exec')
    refs = weakref.ref(code, died)
    f = types.FunctionType(code, {'__builtins__': __builtins__})
    del code
    f()
    del f
    return refs


def many(first, n):
    for i in range(first, first + n):
        if i % 5:
            one(i)
        else:
            dying(i)


threads = [threading.Thread(target=many, args=(k * 1000, 1000)) for k in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
sys.stdout.write('\n'.join(out) + '\n')
