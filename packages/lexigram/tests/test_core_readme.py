import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_example_of_the_readme_runs() -> None:
    # The first one: the others need distributions that this one does not.
    example, *_ = re.findall(
        r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL
    )

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )

    assert done.stdout == "Good day.\n"
    assert "application.started" in done.stderr
    assert done.returncode == 0
