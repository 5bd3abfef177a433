"""Memory and speed of an import: `python -m benchmarks.import_memory [ROWS]`.

Writes a JSON array of synthetic LLaVA-Plus records, 117,000 as in the published set, imports it with
`handeye data import llava-plus` in a process of its own, and prints that process's peak resident memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAM = "from agent.cli import main; main()"
"""What the `handeye` command runs."""

TAIL = "\n\nsummarize the model outputs and answer my first answer: "
APIS = ("sam", "grounding_dino", "ram", "blip2", "easyocr")


def record(number: int) -> dict[str, Any]:
    """Return one record: a request, a call with its result, an answer; texts as long as the published ones."""
    api = APIS[number % len(APIS)]
    request = f"Please look at picture {number} and tell me what stands in it. " + "The details matter. " * 8
    calls = [{"API_name": api, "API_params": {"caption": f"thing {number}"} if api == "grounding_dino" else {}}]
    result = {"tags": ", ".join(f"thing {number + n}" for n in range(20))}
    return {
        "unique_id": f"{number}.5",
        "image": f"{number:012d}.jpg",
        "data_source": "coco",
        "conversations": [
            {"from": "human", "value": f"<image>\n{request}"},
            {"from": "gpt", "thoughts": f"I need {api}.", "actions": calls, "value": f"I will use {api}."},
            {"from": "human", "value": f"{api} model outputs: {json.dumps(result)}{TAIL}{request}"},
            {"from": "gpt", "thoughts": "I can answer now.", "actions": [], "value": "It holds many things. " * 12},
        ],
    }


def main() -> None:
    """Write the records, import them, print rows a second and the peak."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_memory", description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=117_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as spare:
        source, out = Path(spare) / "records.json", Path(spare) / "traces.jsonl"
        with source.open("w", encoding="utf-8") as file:
            file.write("[")
            for number in range(rows):
                file.write((",\n" if number else "") + json.dumps(record(number)))
            file.write("]")
        begun = time.monotonic()
        command = [sys.executable, "-c", PROGRAM, "data", "import", "llava-plus", str(source), str(out)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.monotonic() - begun
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(done.stderr.strip().split("\n")[-1])
        size = source.stat().st_size / 2**20
        print(f"{size:.0f} MiB in {seconds:.0f} s, {rows / seconds:.0f} rows/s, peak {peak:.0f} MiB")


if __name__ == "__main__":
    main()
