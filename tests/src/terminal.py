"""Runs a command at a terminal of its own. What comes on standard input is typed there, what is shown there goes to standard
output; a question that waits for its answer ends its line. A signal goes on to the command. A terminal that is left without an echo is
told in the last line."""

import os
import pty
import select
import signal
import sys
import termios

child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.kill(child, number))
sources = [terminal, 0]
while True:
    ready, _, _ = select.select(sources, [], [])
    if terminal in ready:
        try:
            shown = os.read(terminal, 65536)
        except OSError:  # the command has ended
            shown = b""
        if not shown:
            break
        shown = shown.replace(b"\r", b"")
        os.write(1, shown + b"\n" if shown.endswith(b": ") else shown)
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed:
            os.write(terminal, typed)
        else:
            sources.remove(0)
_, status = os.waitpid(child, 0)
if not termios.tcgetattr(terminal)[3] & termios.ECHO:
    os.write(1, b"The terminal is left without an echo.\n")
sys.exit(os.waitstatus_to_exitcode(status))
