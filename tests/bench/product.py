"""``frontdesk serve`` with one bot engine more: the one that takes no time. Everything else is the product."""

import sys
from pathlib import Path

import bots
from hub.cli import main

if __name__ == "__main__":
    bots.__path__.append(str(Path(__file__).parent / "engines"))
    sys.argv = ["frontdesk", "serve"]
    main()
