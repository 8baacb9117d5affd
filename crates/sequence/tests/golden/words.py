"""Writes words.json: English number words as num2words gives them.

    python -m venv /tmp/words && /tmp/words/bin/pip install num2words==0.5.14 blake3
    /tmp/words/bin/python crates/sequence/tests/golden/words.py
"""

import json
from pathlib import Path

import blake3
from num2words import num2words

SAMPLE = [0, 1, 10, 13, 20, 21, 40, 99, 100, 101, 115, 342, 999, 1000, 1001, 1019, 1100, 1234, 12000, 20005, 100000]
SAMPLE += [100001, 110000, 123456, 500100, 999999]

digest = blake3.blake3()
for value in range(1_000_000):
    digest.update(f"{num2words(value)}\n".encode())

golden = {"blake3": digest.hexdigest(), "sample": {str(value): num2words(value) for value in SAMPLE}}
path = Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, indent=2) + "\n")
