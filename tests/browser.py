# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium over its debugging pipe; the standard library only."""

import json
import os
import select
import shutil
import subprocess
import tempfile
import time


def find():
    """The browser's path, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    """One page. Console messages, exceptions and requests are collected."""

    def __init__(self, path, limit=120):
        to_read, self.out = os.pipe()
        self.inn, to_write = os.pipe()
        self.profile = tempfile.mkdtemp(prefix="zlab-browser-")
        self.deadline = time.monotonic() + limit
        self.buffer = b""
        self.number = 0
        self.noise = []
        self.requests = []
        self.session = None

        def wire():
            # High numbers first: the pipes may be 3 and 4 themselves.
            os.dup2(to_read, 103)
            os.dup2(to_write, 104)
            os.dup2(103, 3)
            os.dup2(104, 4)

        flags = "--headless --no-sandbox --disable-gpu --remote-debugging-pipe "
        flags += "--hide-scrollbars --no-first-run --disable-dev-shm-usage"
        self.process = subprocess.Popen(
            [path, *flags.split(), f"--user-data-dir={self.profile}"],
            preexec_fn=wire,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def _message(self):
        while b"\0" not in self.buffer:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self.inn], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            got = os.read(self.inn, 1 << 20)
            if not got:
                raise RuntimeError("the browser ended")
            self.buffer += got
        line, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(line)
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.noise.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded":
            self.noise.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.noise.append(f"console.{params['type']}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        return message

    def call(self, method, **params):
        """One command; returns its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def open(self, url, width, height=900):
        """Load a page in a window of that size, and wait for it."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call("Page.navigate", url=url)
        while self._message().get("method") != "Page.loadEventFired":
            pass

    def ask(self, expression):
        """The value of a JavaScript expression."""
        result = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"]["description"])
        return result["result"].get("value")

    def close(self):
        """End the browser."""
        self.process.terminate()
        self.process.wait(timeout=20)
        os.close(self.out)
        os.close(self.inn)
        self.forget()

    def forget(self):
        """Remove the profile, to which processes of the browser write to the last."""
        while True:
            try:
                shutil.rmtree(self.profile)
                return
            except OSError:
                if time.monotonic() > self.deadline:
                    raise
                time.sleep(0.1)
