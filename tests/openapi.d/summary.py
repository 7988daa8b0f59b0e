"""Says how every operation was answered, and fails if one never did what it is for."""

import json
import sys
from pathlib import Path

counts = json.loads(Path(sys.argv[1]).read_text())
without = []
for operation, statuses in counts.items():
    if not any(200 <= int(status) < 300 for status in statuses):
        without.append(operation)
    answers = "  ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    print(f"{operation:<72} {answers}")
if without:
    print(f"\nNo 2xx as an admin, of {len(counts)} operations:")
    print("\n".join(without))
sys.exit(bool(without))
