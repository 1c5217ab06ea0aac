"""``python -m abm`` is the same program as ``abm``."""

from __future__ import annotations

from abm.cli.main import main

if __name__ == "__main__":
    main()
