"""Programs on a terminal of their own: one command, or a shell that is typed into."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading


def _open_terminal(columns):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    settings = termios.tcgetattr(slave)
    settings[1] &= ~termios.OPOST  # line ends as they were written
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    return master, slave


class _Reader(threading.Thread):
    """Collects what is written to a terminal until nobody has it open any more."""

    def __init__(self, master):
        super().__init__(daemon=True)
        self.master, self.data = master, b""
        self.start()

    def run(self):
        try:
            while piece := os.read(self.master, 65536):
                self.data += piece
        except OSError:  # how the end of a terminal is told
            pass

    def text(self):
        return self.data.decode(errors="replace")


def on_terminal(args, columns=100, env=None, timeout=60, stdout=True):
    """Runs a program with stderr, and stdout unless told otherwise, each on a terminal of its own; (exit code, stdout, stderr)."""
    err_master, err_slave = _open_terminal(columns)
    out_master, out_slave = _open_terminal(columns) if stdout else os.pipe()
    process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=out_slave, stderr=err_slave,
                               env={**os.environ, "TERM": "xterm", **(env or {})})
    for end in (out_slave, err_slave):
        os.close(end)
    out, err = _Reader(out_master), _Reader(err_master)
    try:
        code = process.wait(timeout)
    finally:
        process.kill()
        process.wait()
    for reader in (out, err):
        reader.join(10)
        os.close(reader.master)
    return code, out.text(), err.text()


def without_colours(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Shell:
    """An interactive shell; type() what a user would."""

    def __init__(self, args, env, folder):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.process = subprocess.Popen(args, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=folder, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.reader = _Reader(self.master)

    def type(self, text):
        os.write(self.master, text.encode())

    def screen(self):
        return self.reader.text()

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join(10)
        os.close(self.master)
