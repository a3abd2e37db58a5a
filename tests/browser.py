#!/usr/bin/env python3
"""browser.py URL - drive a headless Chromium over a pipe; steps come on stdin.

A step a line, in order:
  eval EXPRESSION         print what it gives, as text
  wait EXPRESSION         until it is true (20 s, else an error)
  click X Y               with the mouse; also: move X Y
  key NAME                Enter, Escape, Tab, ArrowUp, …; ctrl+f
  type TEXT
  media light|dark
  size WIDTH HEIGHT
  shot FILE.png
  errors                  print what the page complained about, one a line
The browser has no network but for files, a profile of its own, and ends with this
program.  Without a browser: exit 77.
"""
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

KEYS = {'Enter': 13, 'Escape': 27, 'Tab': 9, 'ArrowLeft': 37, 'ArrowUp': 38,
        'ArrowRight': 39, 'ArrowDown': 40, 'Home': 36, 'End': 35, 'Backspace': 8}


class Browser:
    def __init__(self, folder):
        path = next((p for p in map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome')) if p), None)
        if not path:
            sys.exit(77)
        to_child, self.out = os.pipe()
        self.inp, from_child = os.pipe()

        def descriptors():
            # 3 and 4 are the browser's; what stands there may be one of ours
            a, b = os.dup(to_child), os.dup(from_child)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.child = subprocess.Popen(
            [path, '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
             '--disable-dev-shm-usage', '--disable-background-networking',
             '--allow-file-access-from-files', '--host-resolver-rules=MAP * ~NOTFOUND',
             '--user-data-dir=' + folder, '--remote-debugging-pipe', '--window-size=1280,800',
             '--force-device-scale-factor=1', 'about:blank'],
            preexec_fn=descriptors, close_fds=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        self.buffer, self.next, self.session, self.errors = b'', 0, None, []

    def message(self):
        while b'\0' not in self.buffer:
            got = os.read(self.inp, 65536)
            if not got:
                sys.exit('browser.py: the browser ended')
            self.buffer += got
        one, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(one)

    def note(self, m):
        p = m.get('params', {})
        if m.get('method') == 'Runtime.exceptionThrown':
            d = p['exceptionDetails']
            self.errors.append(d.get('exception', {}).get('description') or d['text'])
        elif m.get('method') == 'Runtime.consoleAPICalled' and p['type'] in ('error', 'warning'):
            self.errors.append(' '.join(str(a.get('value', a.get('description'))) for a in p['args']))
        elif m.get('method') == 'Log.entryAdded' and p['entry']['level'] in ('error', 'warning'):
            self.errors.append(p['entry']['text'] + ' ' + p['entry'].get('url', ''))

    def call(self, method, **params):
        self.next += 1
        m = {'id': self.next, 'method': method, 'params': params}
        if self.session:
            m['sessionId'] = self.session
        os.write(self.out, json.dumps(m).encode() + b'\0')
        while True:
            m = self.message()
            if m.get('id') == self.next:
                if 'error' in m:
                    sys.exit('browser.py: %s: %s' % (method, m['error']['message']))
                return m['result']
            self.note(m)

    def open(self, url):
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Runtime', 'Log', 'Page'):
            self.call(domain + '.enable')
        self.call('Page.navigate', url=url)
        self.wait('document.readyState == "complete" && location.href != "about:blank"')

    def eval(self, expression):
        r = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in r:
            d = r['exceptionDetails']
            sys.exit('browser.py: %s: %s' % (expression, d.get('exception', {}).get('description', d['text'])))
        return r['result'].get('value')

    def wait(self, expression):
        end = time.monotonic() + 20
        while not self.eval(expression):
            if time.monotonic() > end:
                sys.exit('browser.py: never true: ' + expression)
            time.sleep(0.02)

    def mouse(self, x, y, press):
        at = {'x': float(x), 'y': float(y)}
        self.call('Input.dispatchMouseEvent', type='mouseMoved', **at)
        for kind in ('mousePressed', 'mouseReleased') if press else ():
            self.call('Input.dispatchMouseEvent', type=kind, button='left', clickCount=1, **at)

    def key(self, name):
        *held, name = name.split('+')
        mask = sum({'alt': 1, 'ctrl': 2, 'shift': 8}[h] for h in held)
        code = KEYS.get(name) or ord(name.upper())
        more = {'text': '\r'} if name == 'Enter' else {}
        for kind in ('keyDown', 'keyUp'):
            self.call('Input.dispatchKeyEvent', type=kind, key=name, modifiers=mask,
                      code=name if name in KEYS else 'Key' + name.upper(), windowsVirtualKeyCode=code,
                      **(more if kind == 'keyDown' else {}))

    def step(self, line):
        what, _, rest = line.partition(' ')
        if what == 'eval':
            value = self.eval(rest)
            print(value if isinstance(value, str) else json.dumps(value))
        elif what == 'wait':
            self.wait(rest)
        elif what in ('click', 'move'):
            self.mouse(*rest.split(), what == 'click')
        elif what == 'key':
            self.key(rest)
        elif what == 'type':
            self.call('Input.insertText', text=rest)
        elif what == 'media':
            self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': rest}])
        elif what == 'size':
            w, h = map(int, rest.split())
            self.call('Emulation.setDeviceMetricsOverride', width=w, height=h, deviceScaleFactor=1, mobile=False)
        elif what == 'shot':
            with open(rest, 'wb') as f:
                f.write(base64.b64decode(self.call('Page.captureScreenshot', format='png')['data']))
        elif what == 'errors':
            print(*self.errors, sep='\n', end='\n' if self.errors else '')
        else:
            sys.exit('browser.py: no such step: ' + line)


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        b = Browser(folder)
        try:
            b.open(sys.argv[1])
            for line in sys.stdin:
                if line.strip():
                    b.step(line.rstrip('\n'))
                    sys.stdout.flush()
        finally:
            b.child.kill()
            b.child.wait()


main()
