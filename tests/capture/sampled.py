"""Whether the stacks a script says it had (shapes.py, asleep.py) are those of a trace,
which is JSON on stdin.  Operand: what the script printed.  Prints how many it had and
those that are missing."""
import json
import sys


def text(stack):
    """As the scripts write it, innermost first."""
    return ''.join('%s:%d:%s;' % (f['file'], f.get('line', 0), f['func'])
                   for f in reversed(stack))


def sampled(lines):
    """Pairs of tid and stack; where shapes.py held in E, those without E."""
    for line in lines:
        event = json.loads(line)
        if event.get('op') != 'sample' or not event['stack'] or \
                event['stack'][-1]['lang'] != 'python':
            continue
        yield event['tid'], text(event['stack'])
        if event['stack'][-1]['func'] == 'E':
            yield event['tid'], text(event['stack'][:-1])


def wanted(name):
    with open(name, encoding='utf-8') as f:
        for line in f:
            word = line.rstrip('\n').split(' ', 2)
            if word[0] in ('stack', 'thread'):
                yield (int(word[1]) if word[0] == 'thread' else None), word[2]


got = set(sampled(sys.stdin))
stacks = {stack for tid, stack in got}
want = list(wanted(sys.argv[1]))
print(len(want))
for tid, stack in want:
    # a sub-interpreter's own frames are followed by those of who runs it
    if (tid, stack) not in got if tid else \
            stack not in stacks and not any(s.startswith(stack) for s in stacks):
        print('missing', tid or '', stack)
