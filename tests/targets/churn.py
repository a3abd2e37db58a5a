"""Objects of many sizes, in threads, kept and dropped, by every allocator call
Python has; ends with three sizes held by module globals."""
import gc
import json
import sys
import threading

keep = []


def work(n):
    d = {}
    for i in range(n):
        d[i] = [str(i) * 3, bytearray(i % 3000), {'a': i}]
        if i % 3 == 0:
            keep.append(d.pop(i - i % 2, None))
    return json.loads(json.dumps({str(k): str(v) for k, v in d.items()}))


rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 150
threads = [threading.Thread(target=work, args=(rounds,)) for _ in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
gc.collect()
grows = bytearray(10)
for i in range(1000):
    grows.extend(b'abc' * i)
    if i % 50 == 0:
        del grows[10:]
work(rounds)
try:
    bytearray(1 << 46)
except MemoryError:
    pass
held = [bytearray(123456) for _ in range(7)]
