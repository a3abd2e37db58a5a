"""payload.py FILE.html - what a report holds, as one JSON object: its text, and under
"sizes" how many values each of its columns has.
"""
import base64
import json
import re
import struct
import sys
import zlib

with open(sys.argv[1], encoding="utf-8") as f:
    packed = re.search(r'id="data">\n(.*?)</script>', f.read(), re.S).group(1)
data = zlib.decompress(base64.b64decode(packed))
(length,) = struct.unpack_from("<I", data)
head = json.loads(data[4:4 + length])
if 4 + length + sum(c[2] for c in head["columns"]) != len(data):
    sys.exit("the columns do not fill the payload")
head["sizes"] = {}
for name, values, _ in head.pop("columns"):
    head["sizes"][name] = head["sizes"].get(name, 0) + values
json.dump(head, sys.stdout, ensure_ascii=False, sort_keys=True)
