"""Says how every operation was answered, and fails if one never did what it is for."""

import json
import sys
from pathlib import Path

counts = json.loads(Path(sys.argv[1]).read_text())
# Those that ask a Docker engine, which is not there: tests/system/deploy calls them.
ASKS_ENGINE = {
    "POST /api/v1/deployments",
    "POST /api/v1/deployments/plan",
    "POST /api/v1/deployments/{deployment}/rollback",
    "GET /api/v1/targets/{target}/stacks",
    "PUT /api/v1/targets/{target}/stacks/{stack}/hold",
    "DELETE /api/v1/targets/{target}/stacks/{stack}/hold",
    "PUT /api/v1/targets/{target}/stacks/{stack}/services/{service}/pin",
    "DELETE /api/v1/targets/{target}/stacks/{stack}/services/{service}/pin",
}
without = []
for operation, statuses in counts.items():
    done = any(200 <= int(status) < 300 for status in statuses)
    if not done and operation not in ASKS_ENGINE:
        without.append(operation)
    answers = "  ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    print(f"{operation:<72} {answers}")
if without:
    print(f"\nNo 2xx as an admin, of {len(counts)} operations:")
    print("\n".join(without))
sys.exit(bool(without))
