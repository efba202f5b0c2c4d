"""Started by midwire with the socket to the core as standard input."""

import os
import sys

# Read by old interpreters too, so nothing newer than the message may come before this.
if sys.version_info < (3, 9):
    sys.exit(93)

sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

if __name__ == "__main__":
    from midwire_host import host

    host.main()
