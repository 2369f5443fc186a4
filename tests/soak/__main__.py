"""`make soak`: half an hour on this machine, on loopback; SOAK="--minutes 5" changes that."""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.soak import soak


def main() -> int:
    asked = argparse.ArgumentParser(prog="make soak", description=__doc__)
    asked.add_argument("--minutes", type=float, default=30.0)
    asked.add_argument("--participants", type=int, default=100)
    asked.add_argument("--seed", default=str(int(time.time())), help="what is killed when is drawn from it")
    options = asked.parse_args()
    began = time.monotonic()

    def say(what: str) -> None:
        took_s = time.monotonic() - began
        print(f"{int(took_s // 60):3}:{int(took_s % 60):02}  {what}", flush=True)

    logging.disable(logging.WARNING)  # of the peers of this process
    say(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="parley-soak-") as folder:
        report = soak(Path(folder), options.minutes, options.participants, options.seed, say)
    width = max(map(len, report.figures))
    print("\n".join(f"{name:{width}}  {figure}" for name, figure in report.figures.items()))
    print("\n".join(report.wrong) if report.wrong else "Nothing acknowledged was lost, nothing is stuck, nothing grew.")
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
