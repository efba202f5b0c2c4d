"""Started by midwire with the socket to the core as standard input."""

import os
import sys

# Read by old interpreters too, so nothing newer than the message may come before this.
if sys.version_info < (3, 9):
    sys.exit(93)

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def be_first_to_go() -> None:
    """If memory runs out, Linux is to end this process and not the proxy."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


if __name__ == "__main__":
    be_first_to_go()
    from midwire_host import host

    host.main()
