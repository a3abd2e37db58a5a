"""Print the line table of every code object of the standard library beside the
lines the interpreter itself gives: input of test_pyline.  Operand: how many
files at most."""
import glob
import os
import sys

minor = sys.version_info[1]


def lines_of(code):
    """One line per code unit, 0 = none, by the interpreter's own word."""
    units = len(code.co_code) // 2
    out = [0] * units
    if minor >= 10:
        for start, end, line in code.co_lines():
            for unit in range(start // 2, min(end // 2, units)):
                out[unit] = line or 0
    else:
        import ctypes
        addr2line = ctypes.pythonapi.PyCode_Addr2Line
        addr2line.argtypes = [ctypes.py_object, ctypes.c_int]
        for unit in range(units):
            line = addr2line(code, unit * 2)
            out[unit] = line if line > 0 else 0
    return out


def show(code):
    table = code.co_linetable if minor >= 10 else code.co_lnotab
    print(minor, code.co_firstlineno, table.hex(), *lines_of(code))
    for const in code.co_consts:
        if isinstance(const, type(code)):
            show(const)


root = os.path.dirname(os.__file__)
names = sorted(glob.glob(root + '/*.py')) + sorted(glob.glob(root + '/*/*.py'))
if len(sys.argv) > 1:
    names = names[::max(1, len(names) // int(sys.argv[1]))]
for name in names:
    try:
        with open(name, 'rb') as f:
            code = compile(f.read(), name, 'exec')
    except (SyntaxError, ValueError):
        continue
    show(code)
