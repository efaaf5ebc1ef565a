import subprocess
import sys
from pathlib import Path

MEASURE = Path(__file__).with_name("measure.py")


def test_the_aims_are_reached() -> None:
    ran = subprocess.run([sys.executable, str(MEASURE)], capture_output=True, text=True, timeout=100, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
